"""Find an unfinished training, and refuse to continue it where the result would not have the same bits."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from rnnfc.config.experiment import Experiment
from rnnfc.config.load import load
from rnnfc.errors import RunError
from rnnfc.plain import JsonObject
from rnnfc.runs.checkpoint import Arrays, checkpoint_history
from rnnfc.runs.find import unfinished
from rnnfc.runs.run import INFO, Run
from rnnfc.runs.writer import is_locked
from rnnfc.training.compile.recipe import Recipe
from rnnfc.training.progress import Epoch
from rnnfc.workflows.prepare import Prepared, prepare
from rnnfc.workflows.provenance import differences, provenance

# These decide the bits on every machine.
_DECISIVE = ("data_sha256", "code_sha256", "versions")


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A training to continue: its hidden folder, its run.json, its last checkpoint (None: stopped before the first)."""

    folder: Path
    prepared: Prepared
    info: JsonObject
    checkpoint: Arrays | None
    history: list[Epoch]
    recipe: Recipe
    notes: list[str]


def resume(name: str | None, *, outputs: Path, overrides: Sequence[str] = ()) -> Unfinished:
    """Everything that is needed to continue an unfinished run.

    Args:
        name: its folder, its name, its experiment's name or config (the newest run of it); None: the newest of all that were
            not trained on a data frame.
        overrides: as in `config.load`; an override that changes the experiment is refused.
    Raises:
        RunError: there is no such run, it was trained on a data frame, or its config, data or program has changed: names
            every difference.
    """
    run, configured = _find(name, outputs, overrides)
    if _is_of_frame(run):
        raise RunError(
            f"{run.folder}: this run was trained on a data frame, which is not stored, so it cannot be resumed; train again "
            "in Python: rnnfc.train(experiment, data=frame)"
        )
    info, experiment = run.info(), configured or run.experiment(overrides)
    # Read again, and not from run.json: a key that a later version has added is at its default there.
    before = run.experiment().model_dump(mode="json")
    _refuse_changes(run, differences(before, experiment.model_dump(mode="json")))
    prepared = prepare(experiment, is_final=run.parent() is not None)
    now = provenance(prepared.panel)
    recorded, present = ({key: facts.get(key) for key in _DECISIVE} for facts in (info, now))
    _refuse_changes(run, differences(recorded, present))
    machine = differences(info.get("machine"), now["machine"], "machine")
    notes = [f"another machine or setting, the last bits may differ: {', '.join(machine)}"] if machine else []
    try:
        # The recipe of the run, not this machine's choice: the last bits depend on it.
        recipe = TypeAdapter(Recipe).validate_python(info["recipe"])
        checkpoint = run.checkpoint()
        rows = [] if checkpoint is None else checkpoint_history(checkpoint)
        history = TypeAdapter(list[Epoch]).validate_python(rows)
    except (KeyError, ValueError) as error:  # pydantic's ValidationError is a ValueError
        text = "its recipe or history cannot be read; the run is damaged, train it again"
        raise RunError(f"{run.folder}: {text}") from error
    return Unfinished(
        folder=run.folder,
        prepared=prepared,
        info=info,
        checkpoint=checkpoint,
        history=history,
        recipe=recipe,
        notes=notes,
    )


def _refuse_changes(run: Run, changes: list[str]) -> None:
    if changes:
        raise RunError(
            f"{run.folder}: cannot be resumed, this has changed since: {', '.join(changes)}; undo the change, "
            "or train from the start without --resume"
        )


def _find(name: str | None, outputs: Path, overrides: Sequence[str]) -> tuple[Run, Experiment | None]:
    """The unfinished run that `name` means, and the experiment if it is a config."""
    if name is None:
        runs = [run for run in unfinished(outputs) if not _is_of_frame(run)]
        return _newest(runs, name, outputs), None
    if os.path.isfile(name):
        experiment = load(Path(name), overrides)
        return _newest(_named(experiment.name, outputs), name, outputs), experiment
    folder = Path(name)
    if os.path.isfile(folder / INFO):
        runs = [run for run in unfinished(folder.parent) if run.name == folder.name]
        return _newest(runs, name, outputs), None
    return _newest(_named(name, outputs), name, outputs), None


def _is_of_frame(run: Run) -> bool:
    """Whether a run was trained on a data frame; False if its experiment cannot be read."""
    try:
        return run.experiment().data.from_frame
    except RunError:
        return False


def _named(name: str, outputs: Path) -> list[Run]:
    """By the experiment's name, or the name of the folder once it is published."""
    return [
        run
        for run in unfinished(outputs)
        if name in (run.info().get("name"), run.name.rpartition(".")[0][1:])
    ]


def _newest(runs: list[Run], name: str | None, outputs: Path) -> Run:
    idle = [run for run in runs if not is_locked(run.folder)]
    if idle:
        return idle[-1]
    if runs:
        text = "another process is training this run; wait for it, or stop it first"
        raise RunError(f"{runs[-1].folder}: {text}")
    others = ", ".join(str(run.info().get("name")) for run in unfinished(outputs)[-5:])
    wanted = "" if name is None else f" {name!r}"
    hint = f"there are: {others}" if others else "nothing to resume, train with: rnnfc train CONFIG"
    raise RunError(f"{outputs}: no unfinished run{wanted}; {hint}")
