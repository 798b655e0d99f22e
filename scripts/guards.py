"""Remove the guards that results depend on, one at a time in a copy, and show that a test fails each time.

    python scripts/guards.py      two minutes; exit 1 if a guard can be removed without a failing test

Each change replaces text that occurs in the source exactly once; test_guards.py fails when the source has changed there.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARTS = ("src", "tests", "configs", "scripts", "pyproject.toml", "README.md", "Makefile")
TESTS_FAILED = 1  # pytest's exit code; others mean that no test ran


@dataclass(frozen=True, kw_only=True)
class Guard:
    """One guard: in `path` under src/rnnfc each key of `changes` is replaced by its value; then `test` must fail."""

    name: str
    path: str
    changes: dict[str, str]
    test: str


GUARDS = (
    Guard(
        name="fit the scaler on all rows",
        path="workflows/fit.py",
        changes={
            "Scaler.fit(prepared.panel, train_rows, ": (
                "Scaler.fit(prepared.panel, np.stack([prepared.panel.bounds[:-1], prepared.panel.bounds[1:]], axis=1), "
            )
        },
        test="tests/workflows/test_train.py",
    ),
    Guard(
        name="stop early on the test rows instead of the validation rows",
        path="workflows/fit.py",
        changes={"else splits.validation.with_panel(scaled)": "else splits.test.with_panel(scaled)"},
        test="tests/workflows/test_train.py",
    ),
    Guard(
        name="count filled values as targets",
        path="data/windows.py",
        changes={
            "origins[_is_usable(panel, origins, horizon=horizon)] if panel.filled.any() else origins\n": "origins\n",
        },
        test="tests/data/test_windows.py::test_cut_windows__a_filled_row_is_no_target_and_no_last_input",
    ),
    Guard(
        name="let the inputs of a window reach into the series before it",
        path="data/windows.py",
        changes={
            "first = np.maximum(rows[:, 0], _first_observed(panel) + length)": "first = np.maximum(rows[:, 0], length)"
        },
        test="tests/data/test_windows.py::test_cut_windows__splits_each_series_and_crosses_none",
    ),
    Guard(
        name="score only the test windows that fill a batch of four",
        path="data/windows.py",
        changes={
            "            **dict(self),\n": (
                "            **dict(self),\n"
                '            "test": replace(self.test, origins=self.test.origins[: len(self.test) // 4 * 4]),\n'
            )
        },
        test="tests/data/test_windows.py::test_splits__score_a_sample_of_training_and_all_others",
    ),
    Guard(
        name="shuffle as Keras does: one order in every epoch",
        path="training/progress.py",
        changes={"default_rng([seed, epoch])": "default_rng([seed])"},
        test="tests/training/test_loop.py::test_train_epochs__draws_another_order_in_each_epoch_from_the_seed",
    ),
    Guard(
        name="drop the last, smaller batch",
        path="training/compile/epoch.py",
        changes={
            "self._windows = len(train)\n": "self._windows = len(train) - len(train) % min(spec.batch_size, len(train))\n",
        },
        test="tests/training/test_keras_trainer.py::test_epoch__losses_equal_those_of_keras_fit[mse-GRU]",
    ),
    Guard(
        name="publish a network with forecasts that are not finite",
        path="workflows/score.py",
        changes={"    if len(windows):\n": "    if False:\n"},
        test="tests/workflows/test_score.py::test_forecast_all__a_value_that_is_not_finite_is_refused_with_split_and_time",
    ),
    Guard(
        name="save in place",
        path="runs/writer.py",
        changes={
            "with atomic_write(self._hidden / name, replace=True) as (place,):": "for place in (self._hidden / name,):"
        },
        test="tests/runs/test_writer.py::test_run_writer__fsyncs_each_file_before_its_rename_and_the_folder_after",
    ),
    Guard(
        name="skip fsync",
        path="runs/writer.py",
        changes={"os.fsync(handle)": "pass"},
        test="tests/runs/test_writer.py::test_run_writer__fsyncs_each_file_before_its_rename_and_the_folder_after",
    ),
    Guard(
        name="read files whose hash is not in the manifest",
        path="runs/run.py",
        changes={"        if actual != listed:\n": "        if False:\n"},
        test="tests/runs/test_run.py::test_open__refuses_a_run_with_one_changed_file",
    ),
    Guard(
        name="score and verify a run on data that has changed",
        path="workflows/prepare.py",
        changes={'    if panel.fingerprint() != run.info().get("data_sha256"):\n': "    if False:\n"},
        test="tests/test_reproducible.py::test_changed_data__is_refused_before_training",
    ),
    Guard(
        name="unpickle arrays",
        path="runs/untrusted.py",
        changes={
            '_KINDS = "biufMU"': '_KINDS = "biufMUO"',
            "    if math.prod(shape) * dtype.itemsize !=": '    if dtype.kind != "O" and math.prod(shape) * dtype.itemsize !=',
            "allow_pickle=False": "allow_pickle=True",
        },
        test="tests/runs/test_run.py::test_run__unpickles_nothing",
    ),
    Guard(
        name="keep the last of duplicate keys",
        path="config/yaml12.py",
        changes={"            if key in mapping:\n": "            if False:\n"},
        test="tests/config/test_yaml12.py::test_parse__refuses_other_than_one_plain_document",
    ),
)


def without(guard: Guard, text: str) -> str:
    """The module `text` without the guard.

    Raises:
        SystemExit: a text to replace does not occur exactly once.
    """
    for old, new in guard.changes.items():
        if text.count(old) != 1:
            raise SystemExit(
                f"{guard.path}: {old!r} occurs {text.count(old)} times, not once; update scripts/guards.py"
            )
        text = text.replace(old, new)
    return text


def pytest_in(home: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """The tests of the copy in `home`, on the source of the copy."""
    call = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *dict.fromkeys(tests)]
    environment = {**os.environ, "PYTHONPATH": str(home / "src")}
    return subprocess.run(call, cwd=home, env=environment, capture_output=True, text=True, check=False)


def main() -> None:
    """Print each guard with the result of its test."""
    red = 0
    with tempfile.TemporaryDirectory(prefix="guards-") as folder:
        home = Path(folder)
        for part in PARTS:
            source = ROOT / part
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, home / part)
        done = pytest_in(home, *(guard.test for guard in GUARDS))
        if done.returncode != 0:
            raise SystemExit(
                f"tests fail with every guard in place:\n{done.stdout[-3000:]}{done.stderr[-1000:]}"
            )
        for guard in GUARDS:
            path, began = home / "src/rnnfc" / guard.path, time.monotonic()
            text = path.read_text(encoding="utf-8")
            path.write_text(without(guard, text), encoding="utf-8")
            done = pytest_in(home, guard.test)
            path.write_text(text, encoding="utf-8")
            red += done.returncode == TESTS_FAILED
            verdict = {0: "GREEN", TESTS_FAILED: "red"}.get(
                done.returncode, f"pytest ended with {done.returncode}"
            )
            print(f"{verdict:6} {guard.name}  ({guard.test}, {time.monotonic() - began:.0f} s)", flush=True)
    print(f"{red} of {len(GUARDS)} guards: their test fails without them")
    sys.exit(red != len(GUARDS))


if __name__ == "__main__":
    main()
