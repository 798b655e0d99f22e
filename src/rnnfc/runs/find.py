"""The outputs folder: which runs are in it, finished and not, and which one a person means."""

import difflib
import os
from pathlib import Path

from rnnfc.errors import RunError
from rnnfc.runs.run import INFO, Run
from rnnfc.runs.writer import MANIFEST


def finished(outputs: Path) -> list[Run]:
    """All finished runs under `outputs`, oldest first; half-written folders and other files are passed over."""
    found: list[tuple[str, str, Run]] = []
    for path in outputs.glob("*/" + INFO) if outputs.is_dir() else ():
        run = Run(path.parent)
        try:
            info = run.info()
        except RunError:
            continue
        if info.get("status") == "done" and not path.parent.name.startswith("."):
            found.append((str(info.get("finished", "")), run.name, run))
    return [run for _, _, run in sorted(found, key=lambda item: item[:2])]


def unfinished(outputs: Path) -> list[Run]:
    """Runs under `outputs` that were begun and not published, oldest first; those that are being trained just now too."""
    found = []
    for path in outputs.glob(f".*/{INFO}") if outputs.is_dir() else ():
        try:
            info = Run(path.parent).info()
        except RunError:
            continue
        if info.get("status") in ("running", "done"):  # done, and killed before the folder got its name
            found.append((str(info.get("started")), path.parent))
    return [Run(folder) for _, folder in sorted(found)]


def find(outputs: Path, which: str | None) -> Run:
    """The run that `which` means: a folder, a folder's name under `outputs`, an experiment's name (its newest run), or None
    for the newest of all.

    Raises:
        RunError: there is no such finished run.
    """
    if which is not None:
        for folder in (Path(which), outputs / which):
            if os.path.isfile(folder / INFO):  # False, and no error, for a name that no file can have
                return Run.open(folder)
    # Not by the folder's name: sine-2 is the second run of sine in one second, or a run of sine-2.
    runs = [run for run in finished(outputs) if which is None or run.info().get("name") == which]
    if which is None:
        _refuse_damaged(outputs, newer_than=runs[-1].name if runs else "")
    if runs:
        return runs[-1].refuse_damage()
    if which is not None and os.path.isdir(which):
        return Run.open(Path(which))  # which says why it is none
    known = {str(run.info().get("name")): run for run in finished(outputs)}
    near = difflib.get_close_matches(which or "", known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(list(known)[-5:])}"
    raise RunError(
        f"{outputs}: no finished run{'' if which is None else f' {which!r}'}; "
        f"{hint if known else 'train one: rnnfc train configs/sine.yaml'}"
    )


def _refuse_damaged(outputs: Path, *, newer_than: str) -> None:
    """A newer run that cannot be read is told of: an older one would answer in its place."""
    for path in outputs.glob(f"[!.]*/{INFO}"):
        if path.parent.name > newer_than and (path.parent / MANIFEST).exists():
            Run.open(path.parent)
