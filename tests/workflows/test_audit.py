"""`check --audit`: training knows nothing of the future, and where it does, each finding says so."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnfc.data import windows
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows, cut_windows

Command = Callable[..., Any]
CLAIMS = (
    "noise after the training rows does not change the scaler",
    "noise after the training rows does not change a training window",
    "noise after the training rows does not change the weights after an epoch",
    "a change in row t does not change train windows that end before t",
    "a change in row t does not change validation windows that end before t",
    "a change in row t does not change test windows that end before t",
    "no row is a target in two splits",
    "the first target of each window is the row after its last input",
    "no filled value is scored",
)
SCALER, WINDOWS, WEIGHTS, TRAIN, VALIDATION, TEST, SHARED, ADJACENT, FILLED = CLAIMS
SINE = "{kind: sine, points: 70, stop: 20.0, noise: 0.2}"
SHOP = "{kind: csv, path: shop.csv, time: day, target: [sold, lent], inputs: price, missing: interpolate}"
NUMPY = "{kind: scratch, units: 3}"
# Gaps of one and of two rows in each split, one of them across the border between training and validation (row 42).
GAPS = {5, 20, 21, 41, 42, 50, 60, 61}


def shop(day: int) -> str:
    sold = "" if day in GAPS else str(day * 7 % 11 + 0.1 * day)
    return f"{day},{sold},{day * 5 % 7 + 0.05 * day},{'' if day == 33 else day % 4}\n"


def config(
    folder: Path, *, data: str = SINE, model: str = NUMPY, scale: str = "minmax", window: str = ""
) -> Path:
    (folder / "shop.csv").write_text("day,sold,lent,price\n" + "".join(shop(day) for day in range(70)))
    path = folder / "x.yaml"
    path.write_text(
        f"name: x\nseed: 3\ndata: {data}\nwindow: {{length: 5, horizon: 2{window}}}\n"
        f"split: {{train: 0.6, validation: 0.2, test: 0.2}}\nscale: {scale}\nmodel: {model}\n"
        "train: {epochs: 3, batch_size: 8}\n"
    )
    return path


def broken(done: Any) -> set[str]:
    """The claims that do not hold; every claim is reported, in order."""
    findings = json.loads(done.out)["audit"]
    assert tuple(finding["claim"] for finding in findings) == CLAIMS
    found = {finding["claim"] for finding in findings if not finding["holds"]}
    assert done.code == (1 if found else 0), done.err
    return found


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"data": SHOP},
        {"data": SHOP.replace("interpolate", "seasonal, season: 5")},
        {"data": SHOP.replace("interpolate", "mask"), "model": "{kind: stacked, cell: GRU, units: [2]}"},
        {
            "data": SHOP.replace("interpolate", "ffill"),
            "scale": "standard",
            "window": ", stride: 3, normalize: last",
        },
        {"model": "{kind: stacked, cell: SimpleRNN, units: [3], dropout: 0.2}", "scale": "none"},
        {"data": SHOP, "model": "{kind: stacked, cell: LSTM, units: [3, 2], recurrent_dropout: 0.1}"},
        {
            "data": SHOP,
            "model": "{kind: stacked, cell: GRU, units: [3], bidirectional: true}",
            "scale": "standard",
        },
        {"model": "{kind: stacked, cell: SimpleRNN, units: [2], linear: {use: path}}"},
        {"model": "{kind: segment, cell: GRU, segment: 2, width: 4, linear: {use: blend}}"},
    ],
    ids=["sine", "gaps", "seasonal", "mask", "ffill", "SimpleRNN", "LSTM", "GRU", "path", "blend"],
)
def test_audit__finds_no_leakage(rnnfc: Command, tmp_path: Path, keys: dict[str, str]) -> None:
    path = config(tmp_path, **keys)
    before = sorted(tmp_path.iterdir())
    assert broken(rnnfc("check", path, "--audit", "--json")) == set()
    assert sorted(tmp_path.iterdir()) == before


def test_audit__prints_one_line_for_each_claim(
    rnnfc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = config(tmp_path)
    lines = [line for line in rnnfc("check", path, "--audit").out.splitlines() if line.startswith("audit")]
    assert lines == [f"audit       holds: {claim}" for claim in CLAIMS]
    monkeypatch.setattr("rnnfc.workflows.audit._is_disjoint", lambda _: False)
    done = rnnfc("check", path, "--audit")
    assert done.code == 1
    assert f"audit       BROKEN: {SHARED}\n" in done.out
    assert "audit" not in rnnfc("check", path).out


def test_audit__has_no_claim_about_a_missing_validation_split(rnnfc: Command, tmp_path: Path) -> None:
    path = config(tmp_path)
    done = rnnfc("check", path, "--audit", "--json", "--set", "split={test: 0.2}")
    assert done.code == 0
    assert [finding["claim"] for finding in json.loads(done.out)["audit"]] == [
        claim for claim in CLAIMS if claim != VALIDATION
    ]


# --- each leak is found


class Leaky(Scaler):
    """A scaler of all rows."""

    @classmethod
    def fit(cls, panel: Any, _: Any, **options: Any) -> Any:
        return Scaler.fit(panel, np.stack([panel.bounds[:-1], panel.bounds[1:]], axis=1), **options)


def leaky_scaler(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("rnnfc.workflows.audit.Scaler", Leaky)
    patch.setattr("rnnfc.workflows.fit.Scaler", Leaky)


def leaky_scaler_in_training_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("rnnfc.workflows.fit.Scaler", Leaky)


def shifted(rows: int) -> Callable[[pytest.MonkeyPatch], None]:
    """Inputs that lie so many rows later than they should."""

    def inputs(self: Windows, part: slice = slice(None)) -> Any:
        wanted = self.origins[part, None] + np.arange(-self.length, 0) + rows
        return self.panel.values[np.clip(wanted, 0, self.panel.num_rows - 1)]

    def leak(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(Windows, "inputs", inputs)
        patch.setattr(Windows, "crop", lambda self: self)  # whose panel ends where the windows end

    return leak


def shared_targets(patch: pytest.MonkeyPatch) -> None:
    def overlapping(*arguments: Any, **options: Any) -> Any:
        splits = cut_windows(*arguments, **options)
        origins = np.concatenate([splits.train.origins[-1:], splits.test.origins])
        return replace(splits, test=replace(splits.test, origins=origins))

    patch.setattr("rnnfc.workflows.prepare.cut_windows", overlapping)
    patch.setattr("rnnfc.workflows.audit.cut_windows", overlapping)


def training_to_the_end(patch: pytest.MonkeyPatch) -> None:
    """Training windows go on into validation and test; the rows that are said to be training's do not."""

    def long(*arguments: Any, **options: Any) -> Any:
        splits = cut_windows(*arguments, **options)
        assert splits.validation is not None
        origins = np.concatenate([splits.train.origins, splits.validation.origins, splits.test.origins])
        return replace(splits, train=replace(splits.train, origins=origins))

    patch.setattr("rnnfc.workflows.prepare.cut_windows", long)
    patch.setattr("rnnfc.workflows.audit.cut_windows", long)


def filled_targets(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(windows, "_is_usable", lambda _, origins, **__: np.ones(len(origins), dtype=np.bool_))


@pytest.mark.parametrize(
    ("leak", "data", "found"),
    [
        (leaky_scaler, SINE, {SCALER, WINDOWS, WEIGHTS}),
        (leaky_scaler_in_training_alone, SINE, {WEIGHTS}),
        (shifted(1), SINE, {ADJACENT}),
        (shifted(-1), SINE, {ADJACENT}),
        (shifted(3), SINE, {WINDOWS, WEIGHTS, TRAIN, VALIDATION, TEST, ADJACENT}),
        (shared_targets, SINE, {SHARED}),
        (training_to_the_end, SINE, {WINDOWS, WEIGHTS, SHARED}),
        # An interpolated value knows the next known one: that of row 41, in training, knows one of validation.
        (filled_targets, SHOP, {WINDOWS, WEIGHTS, TRAIN, VALIDATION, TEST, FILLED}),
    ],
)
def test_audit__finds_each_kind_of_leak(
    rnnfc: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    leak: Callable[[pytest.MonkeyPatch], None],
    data: str,
    found: set[str],
) -> None:
    leak(monkeypatch)
    assert broken(rnnfc("check", config(tmp_path, data=data), "--audit", "--json")) == found
