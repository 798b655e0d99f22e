"""Find a training that was cut off, and make sure that going on gives the same bits as if it had not been."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnfc.config.experiment import Experiment
from rnnfc.config.load import load
from rnnfc.errors import RunError
from rnnfc.runs import run
from rnnfc.runs.checkpoint import Arrays, rows_of
from rnnfc.runs.find import unfinished
from rnnfc.runs.run import Run
from rnnfc.runs.writer import is_locked
from rnnfc.training.compile.recipe import Recipe
from rnnfc.training.progress import Epoch
from rnnfc.workflows.prepare import Prepared, prepare
from rnnfc.workflows.provenance import differences, facts

# What decides the bits, whatever the machine.
_DECISIVE = ("data_sha256", "code_sha256", "versions")


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A training to go on with: its hidden folder, its run.json, its last checkpoint (None: killed before the first)."""

    folder: Path
    prepared: Prepared
    info: dict[str, Any]
    checkpoint: Arrays | None
    history: list[Epoch]
    recipe: Recipe
    notes: list[str]


def resume(which: str | None, *, outputs: Path, overrides: Sequence[str] = ()) -> Unfinished:
    """What is needed to go on with an unfinished run.

    Args:
        which: its folder, its name, its experiment's name or config (the newest run of it); None: the newest of all.
        overrides: as in `config.load`; to change anything is refused.
    Raises:
        RunError: there is none, or its config, data or program has changed: names every difference.
    """
    found, wanted = _find(which, outputs, overrides)
    info, experiment = found.info(), wanted or found.experiment(overrides)
    changed = differences(info.get("experiment"), experiment.model_dump(mode="json"))
    _refuse(found, changed)
    prepared = prepare(experiment)
    now = facts(prepared.panel)
    _refuse(
        found,
        differences({name: info.get(name) for name in _DECISIVE}, {name: now[name] for name in _DECISIVE}),
    )
    elsewhere = differences(info.get("machine"), now["machine"], "machine")
    notes = (
        [f"another machine or setting, the last bits may differ: {', '.join(elsewhere)}"] if elsewhere else []
    )
    try:
        recipe = Recipe(**info["recipe"])  # not this machine's choice: the last bits follow from it
        state = found.checkpoint()
        history = [Epoch(**row) for row in rows_of(state)] if state is not None else []
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"{found.folder}: its recipe or history cannot be read; the run is damaged, train it again"
        ) from error
    return Unfinished(
        folder=found.folder,
        prepared=prepared,
        info=info,
        checkpoint=state,
        history=history,
        recipe=recipe,
        notes=notes,
    )


def _refuse(found: Run, changed: list[str]) -> None:
    if changed:
        raise RunError(
            f"{found.folder}: it cannot go on as if nothing had happened, this has changed since: {', '.join(changed)}; "
            "put it back, or train anew without --resume"
        )


def _find(which: str | None, outputs: Path, overrides: Sequence[str]) -> tuple[Run, Experiment | None]:
    """The unfinished run that `which` means, and the experiment where that is given by a config."""
    if which is None:
        return _newest(unfinished(outputs), which, outputs), None
    if os.path.isfile(which):
        experiment = load(Path(which), overrides)
        return _newest(_named(experiment.name, outputs), which, outputs), experiment
    folder = Path(which)
    if os.path.isfile(folder / run.INFO):
        return _newest(
            [found for found in unfinished(folder.parent) if found.name == folder.name], which, outputs
        ), None
    return _newest(_named(which, outputs), which, outputs), None


def _named(name: str, outputs: Path) -> list[Run]:
    """By the experiment's name, or the name of the folder that is to come."""
    return [
        found
        for found in unfinished(outputs)
        if name in (found.info().get("name"), found.name.rpartition(".")[0][1:])
    ]


def _newest(found: list[Run], which: str | None, outputs: Path) -> Run:
    idle = [one for one in found if not is_locked(one.folder)]
    if idle:
        return idle[-1]
    if found:
        raise RunError(
            f"{found[-1].folder}: another process is training this run; let it end, or end it first"
        )
    others = ", ".join(str(one.info().get("name")) for one in unfinished(outputs)[-5:])
    raise RunError(
        f"{outputs}: no unfinished run{'' if which is None else f' {which!r}'}; "
        f"{f'there are: {others}' if others else 'nothing to resume, train with: rnnfc train CONFIG'}"
    )
