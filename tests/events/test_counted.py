"""One record, two records."""

from events.counted import counted


def test_one_is_one_and_all_else_are_many() -> None:
    assert counted(1, "record") == "1 record"
    assert counted(0, "record") == "0 records"
    assert counted(1_204, "record is", "records are") == "1,204 records are"
