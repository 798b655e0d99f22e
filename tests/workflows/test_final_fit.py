"""A final fit learns from all rows what an ordinary training would, and leaves the evidence to the run it repeats."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnfc.runs import checkpoint
from rnnfc.runs.parent import Parent
from rnnfc.runs.run import Run
from rnnfc.workflows import fit

Command = Callable[..., Any]
SOLD = [float(row % 5 + row) for row in range(30)]
SPLIT = "{train: 12, validation: 4, test: 5}"
SCRATCH = "{kind: scratch, units: 2}"
STOPPED = "{epochs: 40, batch_size: 4, learning_rate: 0.05, schedule: {kind: cosine}, early_stopping: {patience: 3}}"


def write(
    folder: Path,
    *,
    rows: Sequence[float],
    split: str = SPLIT,
    train: str = STOPPED,
    model: str = SCRATCH,
    more: str = "",
) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "rows.csv").write_text(
        "day,sold\n" + "".join(f"{day},{value!r}\n" for day, value in enumerate(rows))
    )
    config = folder / "shop.yaml"
    config.write_text(
        "name: shop\nseed: 3\ndata: {kind: csv, path: rows.csv, time: day, target: sold}\n"
        f"window: {{length: 3, horizon: 1}}\nsplit: {split}\nscale: minmax\nmodel: {model}\ntrain: {train}\n{more}"
    )
    return config


def train(rnnfc: Command, *arguments: str | Path, outputs: Path) -> Run:
    before = {*outputs.glob("2*")}
    done = rnnfc("train", *arguments, "--outputs", outputs)
    assert done.code == 0, done.err
    (folder,) = {*outputs.glob("2*")} - before
    return Run(folder)


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    return tmp_path / "outputs"


def weights(run: Run) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in run.weights().items()}


def test_final_fit__has_the_bits_of_a_training_whose_training_part_is_all_rows(
    rnnfc: Command, tmp_path: Path, outputs: Path
) -> None:
    first = train(rnnfc, write(tmp_path, rows=SOLD[:21]), outputs=outputs)
    best = first.info()["best_epoch"]
    rates = [row["learning_rate"] for row in first.history()]
    assert best < len(rates)
    assert len({*rates[:best]}) > 1
    final = train(rnnfc, "--final", "shop", outputs=outputs)
    assert final.parent() == Parent.from_json(
        {
            "run": first.name,
            "manifest_sha256": final.info()["parent"]["manifest_sha256"],
            "learning_rates": rates[:best],
            "penalty": None,
            "network_share": None,
        }
    )
    assert [row["learning_rate"] for row in final.history()] == rates[:best]
    assert json.loads((final.folder / "scaler.json").read_text())["high"] == [[SOLD[19]]]
    # The same rows as the training part of a longer file; its rates come from a schedule that is none.
    other = write(
        tmp_path / "longer",
        rows=SOLD,
        split="{train: 21, test: 9}",
        train=f"{{epochs: {best}, batch_size: 4}}",
    )
    longer = repeat(rnnfc, other, rates[:best], tmp_path / "longer/outputs")
    assert weights(final) == weights(longer)


def repeat(rnnfc: Command, config: Path, rates: list[float], outputs: Path) -> Run:
    """An ordinary training with these learning rates."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rnnfc.training.loop.scheduled_rate", lambda progress, _: rates[progress.epoch])
        return train(rnnfc, config, outputs=outputs)


def test_final_fit__is_what_predict_takes_and_its_parent_what_evaluate_takes(
    rnnfc: Command, tmp_path: Path, outputs: Path
) -> None:
    first = train(rnnfc, write(tmp_path, rows=SOLD[:21]), outputs=outputs)
    final = train(rnnfc, "--final", first.folder, outputs=outputs)
    predicted = rnnfc("predict", "shop", "--outputs", outputs, "--json")
    answer = json.loads(predicted.out)
    assert answer["run"] == str(final.folder)
    assert [note for note in answer["notes"] if first.name in note]
    assert first.name in rnnfc("evaluate", "shop", "--outputs", outputs).err
    refused = rnnfc("evaluate", final.folder)
    assert refused.code == 2
    assert first.name in refused.err
    assert rnnfc("explain", final.folder, "--outputs", outputs).code == 2
    assert rnnfc("train", "--final", final.folder, "--outputs", outputs).code == 2
    assert rnnfc("verify", final.folder).code == 0
    assert (final.folder / "report.md").read_text().startswith("# Final fit: shop\n")
    assert first.report() == final.report()
    exported = rnnfc("export", final.folder, "--format", "onnx", "--to", tmp_path / "x.onnx", "--json")
    assert json.loads(exported.out)["parity"]["of"] == "training"


def test_final_fit__learns_from_rows_since_and_refuses_changed_ones(
    rnnfc: Command, tmp_path: Path, outputs: Path
) -> None:
    train(rnnfc, write(tmp_path, rows=SOLD[:21]), outputs=outputs)
    write(tmp_path, rows=SOLD)
    final = train(rnnfc, "--final", outputs=outputs)
    assert json.loads(rnnfc("predict", final.folder, "--json").out)["last_time"] == {"rows": "29"}
    write(tmp_path, rows=[*SOLD[:4], 99.0, *SOLD[5:]])
    refused = rnnfc("train", "--final", "shop", "--outputs", outputs)
    assert refused.code == 2
    assert "the data has changed" in refused.err


def test_final_fit__follows_a_training_whose_config_asks_for_it(
    rnnfc: Command, tmp_path: Path, outputs: Path
) -> None:
    done = rnnfc("train", write(tmp_path, rows=SOLD, more="final: true\n"), "--outputs", outputs)
    assert done.code == 0, done.err
    first, final = sorted(outputs.glob("2*"))
    assert Run(first).parent() is None
    parent = Run(final).parent()
    assert parent is not None
    assert parent.run == first.name


def test_final_fit__resumes_to_the_same_bits(
    rnnfc: Command, tmp_path: Path, outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(rnnfc, write(tmp_path, rows=SOLD, train="{epochs: 6, batch_size: 4}"), outputs=outputs)
    whole = train(rnnfc, "--final", outputs=outputs)
    bits = weights(whole)
    shutil.rmtree(whole.folder)
    monkeypatch.setattr(checkpoint, "_EVERY_S", 0.0)  # after every epoch

    def stop(state: Any, **options: Any) -> Any:
        for row in epochs(state, **options):
            yield row
            if row.epoch == 3:
                raise KeyboardInterrupt

    epochs = fit.train_epochs
    with monkeypatch.context() as patch:
        patch.setattr(fit, "train_epochs", stop)
        assert rnnfc("train", "--final", "--outputs", outputs).code == 130
    resumed = train(rnnfc, "--resume", outputs=outputs)
    assert resumed.info()["resumed_after"] == [3]
    assert resumed.parent() is not None
    assert weights(resumed) == bits


def test_final_fit__keeps_penalty_and_share_of_a_blend(rnnfc: Command, tmp_path: Path, outputs: Path) -> None:
    noise = np.random.default_rng(1).normal(size=60)
    rows = [float(value) for value in np.sin(np.arange(60)) + 0.3 * noise]
    config = write(
        tmp_path,
        rows=rows,
        split="{train: 40, validation: 10, test: 10}",
        model="{kind: stacked, cell: GRU, units: [3], linear: {use: blend}}",
        train="{epochs: 3}",
    )
    first = train(rnnfc, config, outputs=outputs)
    final = train(rnnfc, "--final", outputs=outputs)
    parent = final.parent()
    assert parent is not None
    assert parent.network_share == first.info()["network_share"] == final.info()["network_share"]
    assert parent.penalty is not None
    assert parent.penalty > 0
