"""`check`: what an experiment will read, cut and train, worked out by hand."""

from pathlib import Path
from typing import Any

import pytest

from rnnfc.config.load import from_yaml, load
from rnnfc.errors import ConfigError, DataError
from rnnfc.networks.family import Sizes
from rnnfc.workflows.prepare import check, network_sizes, prepare

ROOT = Path(__file__).parents[2]
TINY = """\
name: tiny
data: {kind: csv, path: rows.csv, time: day, target: sales, inputs: price, missing: ffill, unit: m}
window: {length: 3, horizon: 2}
split: {train: 0.5, validation: 0.25, test: 0.25}
model: {kind: stacked, cell: GRU, units: [4]}
train: {epochs: 3, batch_size: 2}
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A config and its data: 20 days from 2020-01-01, one price (2020-01-07) is not known."""
    rows = [f"2020-01-{day:02d},{day}.5,{'' if day == 7 else day * 2}" for day in range(1, 21)]
    (tmp_path / "rows.csv").write_text("\n".join(["day,sales,price", *rows, ""]))
    (tmp_path / "tiny.yaml").write_text(TINY)
    return tmp_path / "tiny.yaml"


def test_check__of_sine() -> None:
    experiment = load(ROOT / "configs/sine.yaml")
    result = check(prepare(experiment))
    assert result.pop("experiment") == experiment.model_dump(mode="json", exclude_none=True)
    assert result == {
        "rows": 1000,
        "series": 1,
        "left_out_series": 0,
        "frequency": "every 0.1001",
        "first_time": "0",
        "last_time": "100",
        "filled_values": 0,
        "constant_series": 0,
        "channels": ["sine"],
        "targets": ["sine"],
        "windows": {  # x is 100 / 999 times the row
            "train": {"count": 790, "first_target": "1.001001001", "last_target": "79.97997998"},
            "test": {"count": 200, "first_target": "80.08008008", "last_target": "100"},
        },
        "parameters": 50 * (1 + 50 + 1) + (50 + 1),
        "updates": 50 * 790,
        # four copies of the weights, the rows, and twice ten steps of input, state and gate; the linear map's three squares
        "training_bytes": 4 * (4 * 2651 + 1000 + 2 * 10 * (1 + 50 * 2)) + 3 * 8 * 10**2,
        "notes": [],
    }
    assert result["parameters"] == 2651


def test_check__of_a_csv_with_inputs_and_a_filled_value(tiny: Path) -> None:
    experiment = load(tiny)
    result = check(prepare(experiment))
    assert result.pop("experiment") == experiment.model_dump(mode="json", exclude_none=True)
    (note,) = result.pop("notes")
    assert (
        "100 % of the test values of sales lie outside the range of the training rows (1.500 to 10.50)"
        in note
    )
    assert result == {
        "rows": 20,
        "series": 1,
        "left_out_series": 0,
        "frequency": "daily",
        "first_time": "2020-01-01",
        "last_time": "2020-01-20",
        "filled_values": 1,
        "constant_series": 0,
        "channels": ["sales", "price"],
        "targets": ["sales"],
        "windows": {  # of the six training windows the one whose last input row was filled is left out
            "train": {"count": 5, "first_target": "2020-01-04", "last_target": "2020-01-10"},
            "validation": {"count": 4, "first_target": "2020-01-11", "last_target": "2020-01-15"},
            "test": {"count": 4, "first_target": "2020-01-16", "last_target": "2020-01-20"},
        },
        "parameters": 3 * 4 * (2 + 4 + 2) + (4 + 1) * 2,
        "updates": 3 * 3,
        "training_bytes": 4 * (4 * 106 + 20 * 2 + 2 * 2 * 3 * (2 + 4 * 5)) + 3 * 8 * 6**2,
    }


@pytest.mark.parametrize(
    ("batch_size", "updates", "batch"),
    [(1, 3 * 5, 1), (2, 3 * 3, 2), (4, 3 * 2, 4), (5, 3 * 1, 5), (1000, 3 * 1, 5)],
)
def test_training_bytes__count_at_most_the_training_windows_in_a_batch(
    tiny: Path, batch_size: int, updates: int, batch: int
) -> None:
    result = check(prepare(load(tiny, [f"train.batch_size={batch_size}"])))
    assert result["updates"] == updates
    assert result["training_bytes"] == 4 * (4 * 106 + 20 * 2 + 2 * batch * 3 * (2 + 4 * 5)) + 3 * 8 * 6**2


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        # 2 channels in, horizon 2 x 1 target out
        ("{kind: stacked, cell: SimpleRNN, units: [4]}", 4 * (2 + 4 + 1) + 5 * 2),
        ("{kind: stacked, cell: LSTM, units: [4]}", 4 * 4 * (2 + 4 + 1) + 5 * 2),
        ("{kind: stacked, cell: GRU, units: [4, 3]}", 3 * 4 * (2 + 4 + 2) + 3 * 3 * (4 + 3 + 2) + 4 * 2),
        ("{kind: stacked, cell: LSTM, units: [4], bidirectional: true}", 2 * 4 * 4 * (2 + 4 + 1) + 9 * 2),
        (
            "{kind: stacked, cell: SimpleRNN, units: [4, 3], bidirectional: [true, false]}",
            2 * 4 * (2 + 4 + 1) + 3 * (8 + 3 + 1) + 4 * 2,
        ),
    ],
)
def test_prepared__counts_parameters_without_a_network(tiny: Path, model: str, parameters: int) -> None:
    assert check(prepare(load(tiny, [f"model={model}"])))["parameters"] == parameters


def test_prepare__returns_experiment_data_and_windows(tiny: Path) -> None:
    experiment = load(tiny)
    prepared = prepare(experiment)
    assert prepared.experiment is experiment
    assert prepared.panel.values[:3].tolist() == [[1.5, 2.0], [2.5, 4.0], [3.5, 6.0]]
    assert prepared.panel.values[6].tolist() == [7.5, 12.0]
    assert [(name, list(windows.origins)) for name, windows in prepared.splits] == [
        ("train", [3, 4, 5, 6, 8]),
        ("validation", [10, 11, 12, 13]),
        ("test", [15, 16, 17, 18]),
    ]
    sizes = Sizes(length=3, horizon=2, channels=2, targets=1, known=0, series=1)
    assert network_sizes(experiment, prepared.panel) == sizes


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("data.missing=error", r"rows\.csv:8: price: missing value \(1 in all\)"),
        ("data.target=profit", "profit"),
        (
            "window.length=9",
            r"the train split .* has 10 rows, window\.length=9 \+ window\.horizon=2 needs 11",
        ),
        ("window.horizon=6", r"the validation split .* has 5 rows, window\.horizon=6 needs 6"),
    ],
)
def test_check__refuses_what_training_would_refuse(tiny: Path, override: str, text: str) -> None:
    with pytest.raises(DataError, match=text):
        check(prepare(load(tiny, [override])))


def test_check__returns_plain_values(tiny: Path) -> None:
    def types(value: Any) -> set[type]:
        if isinstance(value, dict):
            return set().union(*map(types, value.values()))
        return set().union(*map(types, value)) if isinstance(value, list) else {type(value)}

    assert types(check(prepare(load(tiny)))) == {str, int, float, bool}


def test_forecast_bytes__count_scored_windows() -> None:
    text = """
        name: long
        data: {kind: sine, points: 60000, step: 0.1}
        window: {length: 4, horizon: 3}
        split: {test: 1000}
        model: {kind: stacked, cell: GRU, units: [2]}
        train: {epochs: 1}
    """
    prepared = prepare(from_yaml(text, source="long.yaml"))
    assert len(prepared.splits.train) == 60000 - 1000 - 4 - 2
    assert prepared.forecast_bytes == 48 * 3 * (20_000 + 998)


def long_file(folder: Path, text: str) -> str:
    """A config for series of 8, 3 and 7 rows."""
    rows = [
        f"{shop},{day},{10 * place + day % 3}"
        for place, (shop, days) in enumerate(SHOPS.items())
        for day in range(days)
    ]
    (folder / "shops.csv").write_text("\n".join(["shop,day,sold", *rows]))
    return text.format(path=folder / "shops.csv")


SHOPS = {"north": 8, "south": 3, "west": 7}
LONG = """
    name: shops
    data: {{kind: long, path: {path}, series: shop, time: day, target: sold}}
    window: {{length: 3, horizon: 2}}
    split: {{test: 2}}
    model: {{kind: stacked, cell: GRU, units: [2]}}
    train: {{epochs: 1}}
"""


def test_prepare__refuses_a_short_series(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        prepare(from_yaml(long_file(tmp_path, LONG), source="x.yaml"))
    assert str(caught.value) == (
        "series 'south' has 3 rows, window.length=3 + window.horizon=2 with the rows that split counts needs 7 "
        "(1 of 3 series are too short); "
        "shorten the window, or set data.short: skip to leave such series out"
    )


def test_prepare__skips_and_counts_short_series(tmp_path: Path) -> None:
    text = long_file(tmp_path, LONG.replace("sold}}", "sold, short: skip}}"))
    prepared = prepare(from_yaml(text, source="x.yaml"))
    assert (prepared.panel.series, prepared.panel.left_out) == (("north", "west"), 1)
    assert prepared.panel.bounds.tolist() == [0, 8, 15]
    assert prepared.panel.values.ravel().tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 20, 21, 22, 20, 21, 22, 20]
    assert prepared.splits.test.origins.tolist() == [6, 13]
    told = check(prepared)
    assert (told["rows"], told["series"], told["left_out_series"], told["first_time"], told["last_time"]) == (
        15,
        2,
        1,
        "0",
        "7",
    )


def test_prepare__refuses_if_all_series_are_short(tmp_path: Path) -> None:
    text = long_file(
        tmp_path, LONG.replace("sold}}", "sold, short: skip}}").replace("length: 3", "length: 7")
    )
    with pytest.raises(
        DataError, match=r"series 'north' has 8 rows, .* needs 11 \(3 of 3 series are too short\)"
    ):
        prepare(from_yaml(text, source="x.yaml"))


@pytest.mark.parametrize(
    ("split", "kept"),
    [
        ("{test: 2}", ("north", "west")),  # 5 to train on and 2
        ("{test: 3}", ("north",)),
        ("{train: 5, test: 2}", ("north", "west")),
        ("{train: 5, test: 3}", ("north",)),
        ("{train: 5, test: 2, rows_from: start}", ("north", "west")),
        ("{test: 0.3}", ("north", "west")),
    ],
)
def test_prepare__skips_series_too_short_for_the_split(
    tmp_path: Path, split: str, kept: tuple[str, ...]
) -> None:
    text = LONG.replace("sold}}", "sold, short: skip}}").replace(
        "{{test: 2}}", split.replace("{", "{{").replace("}", "}}")
    )
    prepared = prepare(from_yaml(long_file(tmp_path, text), source="x.yaml"))
    assert (prepared.panel.series, prepared.panel.left_out) == (kept, 3 - len(kept))


def test_prepare__refuses_time_features_of_rows_without_a_step(tiny: Path) -> None:
    tiny.write_text(TINY.replace("unit: m", "frequency: rows, calendar: [weekday]"))
    with pytest.raises(ConfigError, match=r"data\.calendar .* data\.frequency: rows"):
        prepare(load(tiny))


def test_prepare__refuses_a_series_that_its_embedding_would_learn_nothing_of(tmp_path: Path) -> None:
    days = [f"2020-01-{day:02d}" for day in range(1, 31)]
    rows = [f"old,{day},1.{index}\n" for index, day in enumerate(days)]
    rows += [f"new,{day},2.{index}\n" for index, day in enumerate(days[16:])]
    (tmp_path / "shops.csv").write_text("shop,day,sold\n" + "".join(rows))
    config = (
        "name: x\ndata: {kind: long, path: shops.csv, series: shop, time: day, target: sold}\n"
        "window: {length: 3, horizon: 1}\nsplit: {test: 2020-01-19}\n"
        "model: {kind: stacked, cell: GRU, units: [2]MORE}\ntrain: {epochs: 1}\n"
    )
    (tmp_path / "x.yaml").write_text(config.replace("MORE", ""))
    prepare(
        load(tmp_path / "x.yaml")
    )  # one network for all series can forecast a series that it was not trained on
    (tmp_path / "x.yaml").write_text(config.replace("MORE", ", series_embedding: 2"))
    with pytest.raises(DataError, match=r"series 'new' has no training window \(1 of 2 series\)"):
        prepare(load(tmp_path / "x.yaml"))
