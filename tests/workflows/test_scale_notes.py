"""Notes on scaling: test values outside the training range, inputs far from 1, targets of different size."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from factories import make_experiment, write_csv

from rnnfc.workflows.prepare import check, prepare


def notes(
    folder: Path, *, targets: str = "sold", scale: str = "minmax", window: str = "", **columns: npt.ArrayLike
) -> list[str]:
    """Of 100 rows, of which 70 are trained on and the last 20 tested, with windows 10 -> 2."""
    rows = {name: np.asarray(values).tolist() for name, values in columns.items()}
    path = write_csv(folder / "rows.csv", day=range(100), **rows)
    covariates = [name for name in columns if name not in targets.split(", ")]
    experiment = make_experiment(
        data=f"{{kind: csv, path: {path}, time: day, target: [{targets}], inputs: [{', '.join(covariates)}]}}",
        window=f"{{length: 10, horizon: 2{window}}}",
        split="{train: 0.7, validation: 0.1, test: 0.2}",
        scale=scale,
    )
    return check(prepare(experiment))["notes"]


WAVE = np.sin(np.arange(100))


def test_notes__growth_is_outside_the_training_range(tmp_path: Path) -> None:
    (text,) = notes(tmp_path, sold=np.arange(100.0))
    # Rows 0 to 69 are trained on.
    assert text.startswith(
        "100 % of the test values of sold lie outside the range of the training rows (0.0000 to 69.00)"
    )
    assert text.endswith("try window.normalize: last")
    assert notes(tmp_path, sold=np.arange(100.0), window=", normalize: last") == []


@pytest.mark.parametrize(("outside", "found"), [(3, []), (4, ["20 %"])])
def test_notes__a_few_values_outside_are_no_news(tmp_path: Path, outside: int, found: list[str]) -> None:
    values = WAVE.copy()
    values[80 : 80 + outside] = 1.5
    assert [text[:4] for text in notes(tmp_path, sold=values)] == found


def test_notes__less_than_a_hundredth_outside_is_no_news(tmp_path: Path) -> None:
    values = np.where(np.arange(100) < 70, np.arange(100) % 2, 1.009)
    assert notes(tmp_path, sold=values) == []
    assert len(notes(tmp_path, sold=np.where(np.arange(100) < 70, np.arange(100) % 2, 1.011))) == 1


def test_notes__a_past_covariate_may_leave_its_range_too(tmp_path: Path) -> None:
    (text,) = notes(tmp_path, sold=WAVE, price=np.exp(np.arange(100) / 10))
    assert "100 % of the test values of price lie outside" in text


@pytest.mark.parametrize(
    ("window", "words"),
    [
        ("", "scale: none passes values of sold of about 3.001e+06"),
        # The mean of |sin(t + 1) - sin(t)| is 0.61.
        (", normalize: last", "scale: none passes changes of sold of about 6"),
        (", normalize: mean_std", None),
    ],
)
def test_notes__three_millions_without_scaling_are_too_large(
    tmp_path: Path, window: str, words: str | None
) -> None:
    found = notes(tmp_path, sold=3e6 + 1e3 * WAVE, scale="none", window=window)
    assert [text[: len(words)] for text in found] == [words] if words else found == []
    assert all("try scale: standard" in text for text in found)
    assert notes(tmp_path, sold=3e6 + 1e3 * WAVE, scale="standard", window=window) == []


def test_notes__targets_of_different_size_are_not_trained_alike(tmp_path: Path) -> None:
    both = {"targets": "sold, price", "sold": WAVE, "scale": "none"}
    (text,) = notes(tmp_path, price=10.1 * WAVE, **both)  # type: ignore[arg-type]  # a plain dict
    assert text.startswith(
        "scale: none leaves price with 10.10 times the range of sold, so the loss, and with it early stopping"
    )
    assert notes(tmp_path, price=9.9 * WAVE, **both) == []  # type: ignore[arg-type]  # a plain dict
    (text,) = notes(tmp_path, price=0 * WAVE, **both)  # type: ignore[arg-type]  # a plain dict
    assert "leaves sold with far more than the range of price" in text


def test_notes__each_series_has_its_own_range(tmp_path: Path) -> None:
    # Shop a grows and is outside its range; shop b, a hundred times as large, repeats itself.
    rows = [f"a,{day},{day}\n" for day in range(100)] + [f"b,{day},{100 * (day % 7)}\n" for day in range(100)]
    (tmp_path / "shops.csv").write_text("shop,day,sold\n" + "".join(rows))
    keys = {
        "data": f"{{kind: long, path: {tmp_path / 'shops.csv'}, series: shop, time: day, target: sold}}",
        "window": "{length: 10, horizon: 2}",
        "split": "{train: 0.7, validation: 0.1, test: 0.2}",
    }
    (text,) = check(prepare(make_experiment(**keys, scale="minmax")))["notes"]
    assert text.startswith(
        "50 % of the test values of sold lie outside the range of the training rows, which"
    )
    assert check(prepare(make_experiment(**keys, scale="{method: minmax, by: all}")))["notes"] == []
