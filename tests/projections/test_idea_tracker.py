from events.comments import VisibilitySet
from events.corrections import EventRetracted
from events.ideas import IdeaAcknowledged, IdeaDeclined, IdeaParked, IdeaRaised, IdeaTakenUp
from projections.idea_tracker import ideas
from tests.projections.history import History

MAP = IdeaRaised(
    title="A map at the entrance", team="Community team", directorate="luton", raised_by="person/a"
)


def test_whoever_raised_an_idea_sees_how_many_days_the_answer_took() -> None:
    told = History()
    told.tell("idea/1", "2024-03-01", MAP)
    told.tell("idea/1", "2024-03-08", IdeaAcknowledged(answer="Thank you, we look at it."))
    line = told.row(ideas, "idea/1")
    assert (line.answered, line.days_to_answer, line.outcome) == ("2024-03-08", 7, "open")


def test_an_idea_taken_up_without_a_word_still_waits_for_its_answer() -> None:
    told = History()
    told.tell("idea/1", "2024-03-01", MAP)
    told.tell("idea/1", "2024-03-08", IdeaTakenUp(into="improvement/I-3"))
    line = told.row(ideas, "idea/1")
    assert (line.answered, line.outcome, line.became) == (None, "taken_up", "improvement/I-3")


def test_days_are_not_reckoned_from_a_month() -> None:
    told = History()
    told.tell("idea/1", "2024-03", MAP)
    told.tell("idea/1", "2024-03-08", IdeaDeclined(answer="Fire safety does not allow it."))
    line = told.row(ideas, "idea/1")
    assert (line.raised, line.answered, line.days_to_answer) == ("2024-03", "2024-03-08", None)


def test_a_parked_idea_may_yet_be_taken_up_and_was_answered_when_it_was_parked() -> None:
    told = History()
    told.tell("idea/1", "2024-05-01", IdeaTakenUp(into="project/P-1", answer="It is a project now."))
    told.tell("idea/1", "2024-03-01", MAP)
    told.tell("idea/1", "2024-03-11", IdeaParked(answer="After the building work."))
    line = told.row(ideas, "idea/1")
    assert (line.outcome, line.answered, line.days_to_answer) == ("taken_up", "2024-03-11", 10)
    assert line.answer == "It is a project now."


def test_an_answer_that_was_retracted_was_never_given() -> None:
    told = History()
    told.tell("idea/1", "2024-03-01", MAP)
    told.tell("idea/1", "2024-03-02", IdeaAcknowledged(), id_="wrong")
    told.tell("idea/1", "2024-03-03", EventRetracted(of="wrong"))
    assert told.row(ideas, "idea/1").answered is None


def several() -> History:
    told = History()
    told.tell("idea/1", "2024-03-01", MAP)
    told.tell("idea/2", "2024-03-10", IdeaRaised(title="A quiet hour", team="Ward", directorate="luton"))
    told.tell("idea/2", "2024-03-14", IdeaDeclined(answer="Not with two staff."))
    told.tell("idea/3", "2024-04-02", IdeaRaised(title="Later", directorate="luton", raised_by="person/a"))
    told.tell("idea/4", "2024-03-20", IdeaRaised(title="Ours", team="Ward", directorate="luton"))
    told.tell("idea/4", "2024-03-20", VisibilitySet(audience="team"))
    return told


async def test_a_person_sees_their_own_ideas_newest_first(database_url: str) -> None:
    answers = await several().ask(database_url, ideas, "of_a_raiser", raised_by="person/a")
    assert [answer.title for answer in answers] == ["Later", "A map at the entrance"]


async def test_the_idea_that_waits_longest_comes_first(database_url: str) -> None:
    answers = await several().ask(database_url, ideas, "of_a_team", on="2024-03-31", directorate="luton")
    waits = [(answer.title, answer.days_waiting) for answer in answers]
    assert waits == [("A map at the entrance", 30), ("A quiet hour", None)]


async def test_what_a_team_keeps_to_itself_is_shown_to_that_team_and_counted_for_all(
    database_url: str,
) -> None:
    told = several()
    of_ward = await told.ask(
        database_url, ideas, "of_a_team", on="2024-03-31", team="Ward", reader="team", waiting_only=True
    )
    assert [answer.title for answer in of_ward] == ["Ours"]
    (counted,) = await told.ask(database_url, ideas, "counted", since="2024-03-01", until="2024-03-31")
    assert (counted.belongs_to, counted.raised, counted.answered, counted.declined) == ("luton", 3, 1, 1)
    assert counted.median_days_to_answer == 4
