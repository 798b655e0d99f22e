"""Pin a run by a name of its own, which no later training takes over."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnfc.errors import ConfigError, RunError
from rnnfc.runs.find import find, finished, unfinished
from rnnfc.runs.run import Run
from rnnfc.runs.tags import read_tag, refuse_invalid_tag, write_tag

# Where `rnnfc train` is usually told to read configs.
_CONFIG_FOLDERS = (Path(), Path("configs"))


@dataclass(frozen=True, kw_only=True)
class TagResult:
    """A tag, the run that it means now, and the name of the one that it meant before, if another."""

    tag: str
    run: Run
    previous: str | None


def tag_run(name: str, tag: str, *, outputs: Path) -> TagResult:
    """Let `tag` mean the run that `name` means now.

    Raises:
        RunError: there is no such run, or it is not a folder in `outputs`.
        ConfigError: `tag` is the name of a run, an experiment or a config, or no name for a tag.
    """
    run = find(outputs, name)
    if run.folder.resolve().parent != outputs.resolve():
        raise RunError(
            f"{run.folder}: not in {outputs}, whose tags are read; name its folder with --outputs {run.folder.parent}"
        )
    _refuse_clash(tag, outputs)
    previous = read_tag(outputs, tag)
    folder = run.folder.resolve().name
    write_tag(outputs, tag, folder)
    return TagResult(tag=tag, run=Run(outputs / folder), previous=previous if previous != folder else None)


def refuse_tag_names(names: Sequence[str], *, outputs: Path) -> None:
    """Refuse to train experiments whose name is a tag: the name would mean another run.

    Raises:
        ConfigError: names the first of them.
    """
    for name in names:
        tagged = read_tag(outputs, name)
        if tagged is not None:
            raise ConfigError(
                f"name: {name!r} is a tag of the run {tagged}; choose another name, or delete the tag: "
                f"rnnfc tag {name} --delete"
            )


def _refuse_clash(tag: str, outputs: Path) -> None:
    refuse_invalid_tag(tag)
    runs = [*finished(outputs), *unfinished(outputs)]
    if tag in (str(run.info().get("name")) for run in runs):
        raise ConfigError(f"tag {tag!r}: the name of an experiment with runs in {outputs}; choose another")
    if (outputs / tag).exists():
        raise ConfigError(f"tag {tag!r}: the name of a folder in {outputs}; choose another")
    for path in (Path(tag), *(folder / f"{tag}.yaml" for folder in _CONFIG_FOLDERS)):
        if path.exists():
            raise ConfigError(f"tag {tag!r}: {path} has this name; choose another")
