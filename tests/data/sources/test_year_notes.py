"""Years that a time format may have read otherwise than they were meant."""

import numpy as np
import pytest

from rnnfc.data.sources.year_notes import note_years

TODAY = np.datetime64("2026-12-01")


@pytest.mark.parametrize(
    ("times", "time_format", "words"),
    [
        (["2067-12-01", "2068-12-01"], "%d.%m.%y", ("2068-12-01 lies in the future", "%y", "four digits")),
        (["2027-01-01", "2027-02-01"], "%d.%m.%y", ()),  # the next rows, to be forecast
        (["2067-12-01", "2068-12-01"], "%d.%m.%Y", ()),
        (["1900-03-01", "1900-03-02"], "%d.%m.", ("'%d.%m.' has no year", "1900")),
        (["1900-03-01", "1900-03-02"], "%d.%m.%Y", ()),
        (["2067-12-01", "2068-12-01"], None, ()),
    ],
)
def test_note_years__of_a_wrong_century_and_of_none(
    times: list[str], time_format: str | None, words: tuple[str, ...]
) -> None:
    notes = note_years(np.array(times, dtype="datetime64[us]"), time_format, date=TODAY)
    assert len(notes) == bool(words)
    assert all(word in notes[0] for word in words)


def test_note_years__of_numbers_is_none() -> None:
    assert note_years(np.array([1, 2]), "%y", date=TODAY) == ()
