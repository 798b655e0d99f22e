"""The outputs folder: its finished and unfinished runs, and the run that a name means."""

import difflib
import os
from pathlib import Path

from rnnfc.errors import RunError
from rnnfc.runs.run import INFO, REMOVED, Run
from rnnfc.runs.tags import read_tag, read_tags
from rnnfc.runs.writer import MANIFEST


def finished(outputs: Path, *, scored: bool = False) -> list[Run]:
    """All finished runs under `outputs`, oldest first; unfinished runs and other files are skipped.

    Args:
        scored: final fits, which have no test rows, are skipped too.
    """
    runs: list[tuple[str, str, Run]] = []
    for path in outputs.glob("*/" + INFO) if outputs.is_dir() else ():
        run = Run(path.parent)
        try:
            info = run.info()
        except RunError:
            continue
        if scored and "parent" in info:
            continue
        if info.get("status") == "done" and not path.parent.name.startswith("."):
            runs.append((str(info.get("finished", "")), run.name, run))
    return [run for _, _, run in sorted(runs, key=lambda item: item[:2])]


def unfinished(outputs: Path) -> list[Run]:
    """Runs under `outputs` that were started and not published, oldest first; also those in training now."""
    folders = []
    for path in outputs.glob(f".*/{INFO}") if outputs.is_dir() else ():
        if path.parent.name.startswith(REMOVED):
            continue
        try:
            info = Run(path.parent).info()
        except RunError:
            continue
        if info.get("status") in ("running", "done"):  # done: killed before the folder was renamed
            folders.append((str(info.get("started")), path.parent))
    return [Run(folder) for _, folder in sorted(folders)]


def find(outputs: Path, name: str | None, *, scored: bool = False) -> Run:
    """The run that `name` means: a folder, a folder's name under `outputs`, a tag, or an experiment (its newest run).

    None means the newest run of all.

    Args:
        scored: an experiment means its newest run with test rows, not a later final fit.
    Raises:
        RunError: there is no such finished run, or the run of the tag is gone.
    """
    if name is not None:
        for folder in (Path(name), outputs / name):
            if os.path.isfile(folder / INFO):  # False, not an error, for an impossible file name
                return Run.open(folder)
        tagged = read_tag(outputs, name)
        if tagged is not None:
            return _open_tagged(outputs, name, tagged)
    # Not by the folder's name: sine-2 may be the second run of sine in one second, or a run of sine-2.
    runs = [run for run in finished(outputs, scored=scored) if name in (None, run.info().get("name"))]
    if name is None:
        _refuse_damaged(outputs, newer_than=runs[-1].name if runs else "")
    if runs:
        return runs[-1].verify_files()
    if name is not None and os.path.isdir(name):
        return Run.open(Path(name))  # which says why it is not a run
    names = [str(run.info().get("name")) for run in finished(outputs)]
    known = list(dict.fromkeys([*read_tags(outputs), *names]))
    close = difflib.get_close_matches(name or "", known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known[-5:])}"
    wanted = "" if name is None else f" {name!r}"
    raise RunError(
        f"{outputs}: no finished run{wanted}; {hint if known else 'train one: rnnfc train configs/sine.yaml'}"
    )


def _open_tagged(outputs: Path, tag: str, name: str) -> Run:
    if not os.path.isfile(outputs / name / INFO):
        raise RunError(
            f"{outputs}: the run of tag {tag!r}, {name}, is gone; tag another: rnnfc tag RUN {tag}, or delete the tag: "
            f"rnnfc tag {tag} --delete"
        )
    return Run.open(outputs / name)


def _refuse_damaged(outputs: Path, *, newer_than: str) -> None:
    """Refuse to use an older run instead of a newer one that cannot be read."""
    for path in outputs.glob(f"[!.]*/{INFO}"):
        if path.parent.name > newer_than and (path.parent / MANIFEST).exists():
            Run.open(path.parent)
