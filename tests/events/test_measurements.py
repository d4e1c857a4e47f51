import msgspec
import pytest

from events.aims import AimSet
from events.measures import MeasurementCorrected, MeasurementRecorded
from events.vocabulary import Event, canonical_body, read_body


def recorded(**fields: object) -> Event:
    told = {"measure": "M-1", "period": "2024-11"} | fields
    return read_body("measurement.recorded", msgspec.json.encode(told))


def test_a_measurement_is_a_value_or_a_fraction() -> None:
    assert canonical_body(recorded(value=4)) == b'{"measure":"M-1","period":"2024-11","value":4.0}'
    assert isinstance(recorded(numerator=3, denominator=4), MeasurementRecorded)
    assert isinstance(recorded(value=0.75, numerator=3, denominator=4), MeasurementRecorded)


def test_a_month_without_referrals_has_a_denominator_of_nothing_and_is_kept() -> None:
    assert isinstance(recorded(numerator=0, denominator=0), MeasurementRecorded)


def test_odd_data_are_kept_to_be_shown_as_odd() -> None:
    assert isinstance(recorded(numerator=9, denominator=4), MeasurementRecorded)


def test_a_measurement_without_a_reading_is_refused_by_the_names_of_its_fields() -> None:
    with pytest.raises(msgspec.ValidationError, match="`value`, or a `numerator` and a `denominator`"):
        recorded(note="nothing was counted")


@pytest.mark.parametrize("half", ["numerator", "denominator"])
def test_half_a_fraction_is_refused(half: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="`numerator` and `denominator` belong together"):
        recorded(value=1, **{half: 3})


@pytest.mark.parametrize("reading", [{"denominator": -1, "numerator": 1}, {"value": 1e16}, {"value": "4"}])
def test_a_reading_beyond_its_bounds_is_refused(reading: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\."):
        recorded(**reading)


def test_a_corrected_measurement_counts_with_its_right_reading_and_keeps_the_rest() -> None:
    told = MeasurementRecorded(
        measure="M-1", period="2024-11", numerator=31, denominator=52, note="A short month."
    )
    right = MeasurementCorrected(of="M-1-2024-11", numerator=34, denominator=52)
    assert right.mend(told) == MeasurementRecorded(
        measure="M-1", period="2024-11", numerator=34, denominator=52, note="A short month."
    )


def test_a_fraction_corrected_to_a_value_keeps_nothing_of_the_fraction() -> None:
    told = MeasurementRecorded(
        measure="M-1", period="2024-11", numerator=31, denominator=52, n=52, note="Late."
    )
    right = MeasurementCorrected(of="M-1-2024-11", value=60, n=50, note="From the audit.")
    assert right.mend(told) == MeasurementRecorded(
        measure="M-1", period="2024-11", value=60, n=50, note="From the audit."
    )


def test_a_correction_tells_the_whole_reading() -> None:
    with pytest.raises(msgspec.ValidationError, match="`numerator` and `denominator` belong together"):
        read_body("measurement.corrected", b'{"of":"M-1-2024-11","denominator":52}')


def test_only_a_measurement_can_be_corrected_as_one() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"aim\.set, not a measurement"):
        MeasurementCorrected(of="P-17-aim", value=1).mend(AimSet(statement="Shorter waits"))
