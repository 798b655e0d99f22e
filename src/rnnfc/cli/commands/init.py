"""rnnfc init."""

from pathlib import Path
from typing import Annotated

import typer

from rnnfc.cli.options import app


@app.command(epilog="Example: rnnfc init mine")
def init(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the experiment; NAME.yaml is written here.")
    ],
) -> None:
    """Write a commented config to start from."""
    from rnnfc.cli.output import show_result
    from rnnfc.config.load import starter
    from rnnfc.runs.writer import new_files

    name = name.removesuffix(".yaml")
    text, path = starter(name), Path(f"{name}.yaml")
    with new_files(path) as (place,):
        place.write_text(text, encoding="utf-8")
    show_result("written", f"{path}   train it: rnnfc train {path}")
