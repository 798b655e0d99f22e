"""A finished run is scored on the rows that came after its training, and on no others."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
NORTH = [float(day % 7 + day // 7) for day in range(40)]
SOUTH = [100.0 + 2 * value for value in NORTH]


def write(path: Path, *, north: Sequence[float], south: Sequence[float] = (), more: str = "") -> Path:
    names = (("north", north), ("south", south))
    rows = [f"{name},2024-01-{1 + day:02d},{value!r}\n" if day < 31 else f"{name},2024-02-{day - 30:02d},{value!r}\n"
            for name, values in names for day, value in enumerate(values)]  # fmt: skip
    path.write_text("shop,day,sold\n" + "".join(rows) + more)
    return path


@pytest.fixture
def run(rnnfc: Command, tmp_path: Path) -> Path:
    """Trained on 30 days of two shops."""
    write(tmp_path / "rows.csv", north=NORTH[:30], south=SOUTH[:30])
    (tmp_path / "shop.yaml").write_text(
        "name: shop\nseed: 3\ndata: {kind: long, path: rows.csv, series: shop, time: day, target: sold, season: 7}\n"
        "window: {length: 7, horizon: 2}\nsplit: {train: 16, validation: 6, test: 8}\nscale: minmax\n"
        "model: {kind: scratch, units: 4}\ntrain: {epochs: 3, batch_size: 4}\n"
    )
    done = rnnfc("train", tmp_path / "shop.yaml", "--outputs", tmp_path / "outputs")
    assert done.code == 0, done.err
    (folder,) = (tmp_path / "outputs").glob("2*")
    return folder


def scores(answer: dict[str, Any], metric: str, column: str) -> dict[str, float | None]:
    return {row["model"]: row[column] for row in answer["scores"] if row["metric"] == metric}


def test_evaluate_new_rows__scores_later_rows_beside_the_test_rows(
    rnnfc: Command, tmp_path: Path, run: Path
) -> None:
    grown = write(tmp_path / "grown.csv", north=NORTH, south=SOUTH[:33])
    done = rnnfc("evaluate", run, "--data", grown, "--json")
    assert done.code == 0, done.err
    answer = json.loads(done.out)
    # Windows of two rows: 9 among the ten new rows of north, 2 among the three of south.
    assert (answer["windows"], answer["first_target"], answer["last_target"]) == (
        11,
        "2024-01-31",
        "2024-02-09",
    )
    # The last value of a window against its two targets, by hand.
    errors = [
        abs(series[row + step] - series[row - 1])
        for series, origins in ((NORTH, range(30, 39)), (SOUTH, range(30, 32)))
        for row in origins
        for step in (0, 1)
    ]
    assert scores(answer, "mae", "since")["last value"] == pytest.approx(sum(errors) / len(errors))
    report = json.loads((run / "report.json").read_text())
    stored = {
        row["model"]: row["value"]
        for row in report["scores"]
        if (row["split"], row["metric"], row["units"], row["step"]) == ("test", "mae", "data", None)
    }
    assert scores(answer, "mae", "test") == stored
    rmse = scores(answer, "rmse", "since")
    best = min(value for model, value in rmse.items() if model != "network" and value is not None)
    assert answer["skill"]["since"] == pytest.approx(1 - rmse["network"] / best)
    assert "since" in rnnfc("evaluate", run, "--data", grown).out


def test_evaluate_new_rows__old_rows_decide_nothing_but_the_windows(
    rnnfc: Command, tmp_path: Path, run: Path
) -> None:
    """The rows of the run alone, and so its scaler and baselines, are those of training: one new row changes one target."""
    grown = write(tmp_path / "grown.csv", north=NORTH[:32], south=SOUTH[:30])
    changed = write(tmp_path / "changed.csv", north=[*NORTH[:31], 1000.0], south=SOUTH[:30])
    plain, other = (
        json.loads(rnnfc("evaluate", run, "--data", path, "--json").out) for path in (grown, changed)
    )
    assert plain["windows"] == other["windows"] == 1
    for model, value in scores(plain, "mae", "since").items():
        # One window of two targets, the second is 994 to 1,000 larger: its error grows by half of that.
        assert value is not None
        assert (scores(other, "mae", "since")[model] or 0) - value == pytest.approx(
            (1000 - NORTH[31]) / 2, rel=0.02
        )


def test_evaluate__fails_under_a_skill(rnnfc: Command, tmp_path: Path, run: Path) -> None:
    grown = write(tmp_path / "grown.csv", north=NORTH, south=SOUTH)
    skill = json.loads(rnnfc("evaluate", run, "--data", grown, "--json").out)["skill"]["since"]
    assert skill < 1
    for limit, code in ((skill - 0.01, 0), (skill + 0.01, 3)):
        done = rnnfc("evaluate", run, "--data", grown, "--fail-under-skill", f"{limit:.6f}")
        assert done.code == code
        assert ("skill" in done.err) == (code == 3)
    assert rnnfc("evaluate", run, "--fail-under-skill", "0.9999").code == 3
    assert rnnfc("evaluate", run, "--fail-under-skill", "-1e9").code == 0


@pytest.mark.parametrize(
    ("north", "words"),
    [
        (NORTH[:30], r"at most 0 rows of a series are new"),
        (NORTH[:31], r"at most 1 rows of a series are new"),
        ([*NORTH[:25], 99.0, *NORTH[26:]], "is 99, in the run"),
        ([*NORTH[:9], 99.0, *NORTH[10:]], "the row of series 'north' at 2024-01-10 has changed"),
    ],
)
def test_evaluate_new_rows__refuses_rows_that_are_none_or_not_the_runs(
    rnnfc: Command, tmp_path: Path, run: Path, north: list[float], words: str
) -> None:
    done = rnnfc("evaluate", run, "--data", write(tmp_path / "x.csv", north=north, south=SOUTH[:30]))
    assert done.code == 2
    assert words in done.err
    assert rnnfc("evaluate", run, "--data", tmp_path / "none.csv").code == 2


def test_evaluate_new_rows__names_what_changed_as_far_as_the_run_holds_it(
    rnnfc: Command, tmp_path: Path, run: Path
) -> None:
    def refused(north: list[float], south: list[float]) -> str:
        done = rnnfc("evaluate", run, "--data", write(tmp_path / "x.csv", north=north, south=south))
        assert done.code == 2
        return done.err

    # Row 27 is 2024-01-28 and in the last window of 7 of 30 rows: 27 % 7 + 27 // 7 = 9, twice that and 100 in the south.
    changed = refused(NORTH, [*SOUTH[:27], 119.5, *SOUTH[28:]])
    assert "sold of series 'south' at 2024-01-28 is 119.5, in the run 118" in changed
    assert "the rows of series 'north' end at 2024-01-25, in the run at 2024-01-30" in refused(
        NORTH[:25], SOUTH
    )
    assert "series 'south' is not there" in refused(NORTH, [])
    write(tmp_path / "x.csv", north=NORTH, south=SOUTH)
    lines = (tmp_path / "x.csv").read_text().splitlines(keepends=True)
    (tmp_path / "x.csv").write_text("".join([lines[0], *lines[11:]]))
    late = rnnfc("evaluate", run, "--data", tmp_path / "x.csv")
    assert "the first row of series 'north' is 2024-01-11, in the run 2024-01-01" in late.err
    (tmp_path / "x.csv").write_text("".join([lines[0], *lines[31:]]))
    assert "no row of series 'north' up to there" in rnnfc("evaluate", run, "--data", tmp_path / "x.csv").err


def test_evaluate_new_rows__reads_one_series_from_a_file_of_any_name(rnnfc: Command, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("sold\n" + "".join(f"{value!r}\n" for value in NORTH[:30]))
    (tmp_path / "one.yaml").write_text(
        "name: one\ndata: {kind: csv, path: rows.csv, target: sold}\nwindow: {length: 7, horizon: 2}\nsplit: {test: 8}\n"
        "model: {kind: scratch, units: 2}\ntrain: {epochs: 1}\n"
    )
    assert rnnfc("train", tmp_path / "one.yaml", "--outputs", tmp_path / "outputs").code == 0
    (tmp_path / "later.csv").write_text("sold\n" + "".join(f"{value!r}\n" for value in NORTH))
    done = rnnfc("evaluate", "--outputs", tmp_path / "outputs", "--data", tmp_path / "later.csv", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["windows"] == 9


def test_evaluate_new_rows__leaves_out_a_series_that_the_run_does_not_know(
    rnnfc: Command, tmp_path: Path, run: Path
) -> None:
    more = "".join(f"west,2024-01-{1 + day:02d},{day}.0\n" for day in range(31))
    grown = write(tmp_path / "grown.csv", north=NORTH[:34], south=SOUTH[:30], more=more)
    done = rnnfc("evaluate", run, "--data", grown, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["windows"] == 3
    assert [note for note in json.loads(done.out)["notes"] if "'west'" in note]
