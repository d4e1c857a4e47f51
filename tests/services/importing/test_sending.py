"""Events on their way to the API: in batches that it takes."""

from services.importing.reading import Wire
from services.importing.sending import BATCH_MAX, in_batches


def wire(number: int) -> Wire:
    return Wire(id=f"e{number}", type="project.started", stream="project/P-1", line=b"{}")


def test_batches_are_full_and_none_is_larger_than_one_request_may_be() -> None:
    events = [wire(number) for number in range(2 * BATCH_MAX + 1)]
    batches = list(in_batches(iter(events)))
    assert [len(batch) for batch in batches] == [BATCH_MAX, BATCH_MAX, 1]
    assert [event for batch in batches for event in batch] == events
    assert list(in_batches(iter(()))) == []
