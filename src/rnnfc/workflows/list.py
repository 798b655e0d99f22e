"""The runs of an outputs folder at a glance: what each is called, whether it is whole, how good, how large and how old."""

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from rnnfc.errors import RunError
from rnnfc.plain import Json, JsonObject
from rnnfc.reports.report import ScoreSummary
from rnnfc.runs import untrusted
from rnnfc.runs.run import INFO, REMOVED, Run
from rnnfc.runs.tags import read_tags
from rnnfc.runs.writer import MANIFEST, is_locked, sha256

Status = Literal["finished", "training", "unfinished", "failed", "damaged"]


@dataclass(frozen=True, kw_only=True)
class RunEntry:
    """A run as `rnnfc list` shows it.

    experiment: the experiment's name; empty where run.json cannot be read.
    status: `training`: a process is writing it now; `unfinished`: it can be resumed; `failed`: its training diverged; `damaged`:
        a file of the manifest is missing, or run.json has changed. The other files are not compared with their SHA-256: that is
        done when the run is used.
    parent: of a final fit, the name of the run whose scores are its evidence.
    summary: its scores; None where it has none, or they cannot be read.
    changed: when it was finished, or else started; None where that is not known.
    """

    folder: Path
    experiment: str
    status: Status
    parent: str | None
    summary: ScoreSummary | None
    size_bytes: int
    changed: dt.datetime | None
    tags: tuple[str, ...]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    def to_json(self) -> JsonObject:
        """Plain values, for --json."""
        return {
            "run": self.name,
            "experiment": self.experiment,
            "status": self.status,
            "parent": self.parent,
            "tags": self.tags,
            "scores": None if self.summary is None else self.summary.to_json(),
            "size_bytes": self.size_bytes,
            "changed": None if self.changed is None else self.changed.isoformat(),
        }


def list_runs(outputs: Path) -> list[RunEntry]:
    """All runs in `outputs`, finished or not, the newest first; one whose time is not known comes last."""
    tags: dict[str, list[str]] = {}
    for tag, run in read_tags(outputs).items():
        tags.setdefault(run, []).append(tag)
    folders = (path.parent for path in outputs.glob(f"*/{INFO}")) if outputs.is_dir() else ()
    entries = [
        _entry(folder, tuple(tags.get(folder.name, ())))
        for folder in folders
        if not folder.name.startswith(REMOVED)
    ]
    oldest = dt.datetime.min.replace(tzinfo=dt.UTC)
    return sorted(entries, key=lambda entry: (entry.changed or oldest, entry.name), reverse=True)


def _entry(folder: Path, tags: tuple[str, ...]) -> RunEntry:
    run = Run(folder)
    try:
        info = run.info()
    except RunError:
        info = {}
    status = _status(run, info)
    return RunEntry(
        folder=folder,
        experiment=str(info.get("name", "")),
        status=status,
        parent=_parent(info),
        summary=_summary(run, info) if status == "finished" else None,
        size_bytes=_size_bytes(folder),
        changed=_time(info.get("finished")) or _time(info.get("started")),
        tags=tags,
    )


def _status(run: Run, info: Mapping[str, Json]) -> Status:
    if run.name.startswith("."):
        if is_locked(run.folder):
            return "training"
        return "failed" if info.get("status") == "failed" else "unfinished" if info else "damaged"
    return "finished" if info.get("status") == "done" and _is_whole(run.folder) else "damaged"


def _is_whole(folder: Path) -> bool:
    """Whether every file of the manifest is there, and run.json is that of the manifest."""
    try:
        lines = untrusted.read_bytes(folder / MANIFEST).decode().splitlines()
        files = {line[66:]: line[:64] for line in lines}
        present = {entry.name for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)}
        return files.keys() <= present and files.get(INFO) == sha256(folder / INFO)
    except (OSError, ValueError):
        return False


def _summary(run: Run, info: Mapping[str, Json]) -> ScoreSummary | None:
    """From run.json; that of an earlier version has none: from the scores of report.json."""
    try:
        stored = info.get("summary")
        if isinstance(stored, Mapping):
            return TypeAdapter(ScoreSummary).validate_python(stored)
        targets = run.report()["targets"]
        if not isinstance(targets, Sequence):
            raise TypeError("targets must be a list")
        return ScoreSummary.from_scores(run.score_rows(), num_targets=len(targets))
    except (KeyError, RunError, TypeError, ValueError):  # pydantic's ValidationError is a ValueError
        return None


def _parent(info: Mapping[str, Json]) -> str | None:
    parent = info.get("parent")
    return str(parent.get("run")) if isinstance(parent, Mapping) else None


def _size_bytes(folder: Path) -> int:
    try:
        return sum(entry.stat(follow_symlinks=False).st_size for entry in os.scandir(folder))
    except OSError:  # removed in the meantime
        return 0


def _time(text: Json) -> dt.datetime | None:
    try:
        time = dt.datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=dt.UTC)
