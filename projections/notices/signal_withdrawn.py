"""A signal that people were told of is gone: a measurement was corrected or taken back. They are told so, at once.

Only those who were told of the signal hear it. A signal that ends because new data came was a signal all the same.
"""

from collections.abc import Iterator

from events.corrections import EventCorrected, EventRetracted
from events.measures import MeasurementCorrected
from projections.notices.engine.moment import Moment
from projections.notices.engine.rule import Follows, Notice, Rule
from projections.notices.engine.signals import gone
from projections.notices.engine.words import name_of
from projections.notices.signal_seen import signal_seen

signal_withdrawn = Rule("signal_withdrawn", doc=__doc__, urgency="at_once")


@signal_withdrawn.on(MeasurementCorrected)
@signal_withdrawn.on(EventRetracted)
@signal_withdrawn.on(EventCorrected)
def put_right(event: MeasurementCorrected | EventRetracted | EventCorrected, at: Moment) -> Iterator[Notice]:
    for measure, windows in gone(at):
        yield Notice(
            to=("lead", "coach", "sponsor"),
            title=f"A signal in {measure}, of {name_of(at.project, at.record.stream)}, was put right: it is gone",
            window=f"{windows[0]}/{at.record.position}",
            follows=Follows(signal_seen.name, tuple(windows)),
            facts={"measure": measure},
        )
