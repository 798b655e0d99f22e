"""rnnfc remove."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from rnnfc.cli.options import OUTPUTS, Outputs, app
from rnnfc.errors import ConfigError


@app.command(epilog="Example: rnnfc remove 20261128-004022-sine")
def remove(
    names: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="Run folders, finished or not; an experiment's only run."),
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Remove tagged runs, too, and their tags.")] = False,
    outputs: Outputs = OUTPUTS,
) -> None:
    """Remove runs, finished or unfinished."""
    from rnnfc.cli.output import show_note
    from rnnfc.runs import removal

    folders = removal.find_removable(outputs, names, force=force)
    if not yes:
        _ask(folders)
    for folder in folders:
        removal.remove(outputs, folder)
        show_note("removed", str(folder))


def _ask(folders: list[Path]) -> None:
    """Return if the user says yes.

    Raises:
        ConfigError: nobody answers.
        typer.Exit: the answer is another one.
    """
    from rnnfc.cli.output import show_note, write

    for folder in folders:
        show_note("remove", str(folder))
    write(sys.stderr, "remove for good? [y/N] ")
    answer = sys.stdin.readline()
    if not answer:
        raise ConfigError("nobody answers here, and nothing was removed; --yes removes without asking")
    if answer.strip().lower() not in ("y", "yes"):
        show_note("removed", "nothing")
        raise typer.Exit(1)
