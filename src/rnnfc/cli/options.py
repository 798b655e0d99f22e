"""The application that every command joins, and the options that several of them share."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from rnnfc import __version__

app = typer.Typer(
    name="rnnfc",
    help="Forecast time series with recurrent networks: a YAML experiment in, a trained and scored network out.",
    epilog="Start with: rnnfc init mine, then rnnfc train mine.yaml. Each command has its own --help with an example.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

OUTPUTS = Path("outputs")


def complete_run(context: typer.Context, incomplete: str) -> list[str]:
    """Names for the shell that begin with `incomplete`: run folders, experiments and tags below --outputs."""
    outputs = Path(context.params.get("outputs") or OUTPUTS)
    folders = [path.parent.name for path in outputs.glob("[!.]*/run.json")]
    experiments = [name.split("-", 2)[2] for name in folders if name.count("-") >= 2]
    tags = [path.name for path in outputs.glob(".tags/*")]
    return sorted({name for name in (*tags, *experiments, *folders) if name.startswith(incomplete)})


Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML experiment.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key, e.g. train.epochs=5; repeatable."),
]
Outputs = Annotated[Path, typer.Option("--outputs", metavar="DIR", help="Folder of the run folders.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
RunName = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN",
        help="A run folder, its name, a tag, or an experiment's name; default: the newest finished run.",
        autocompletion=complete_run,
    ),
]
Runtime = Annotated[
    Literal["onnx", "keras"],
    typer.Option("--runtime", help="Inference backend: ONNX Runtime, or Keras (slow to start)."),
]


def _print_version(value: bool) -> None:
    if value:
        sys.stdout.write(f"rnnfc {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Forecast time series with recurrent networks: a YAML experiment in, a trained and scored network out."""


def print_json(value: object) -> None:
    """`value` as the result of a command."""
    from rnnfc.cli.output import write
    from rnnfc.runs.writer import json_text

    write(sys.stdout, json_text(value))
