"""Somebody completed a training programme. They are told that it is on record; it counts once for each cohort."""

from events.training import TrainingCompleted
from projections.notices.engine.moment import Moment
from projections.notices.engine.rule import Notice, Rule

training_completed = Rule("training_completed", doc=__doc__, urgency="daily")


@training_completed.on(TrainingCompleted)
def completed(event: TrainingCompleted, at: Moment) -> Notice:
    return Notice(
        to=(event.person,),
        title=f"You completed {event.course}: it is on record",
        because="you took part",
        facts={"course": event.course},
    )
