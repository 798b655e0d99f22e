"""rnnfc export."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnfc.cli.options import OUTPUTS, AsJson, Outputs, RunName, app, print_json
from rnnfc.extensions import EXPORT_FORMATS, load_record

if TYPE_CHECKING:
    from rnnfc.export.format import ExportFormat

_FORMATS: "dict[str, ExportFormat]" = {name: load_record(EXPORT_FORMATS, name) for name in EXPORT_FORMATS}
_FORMAT_HELP = "; ".join(f"{name}: for {record.readers}" for name, record in _FORMATS.items()) + "."
_FOLDER_FORMATS = [name for name, record in _FORMATS.items() if not record.suffix]


def _known_format(name: str) -> str:
    if name not in _FORMATS:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(map(repr, _FORMATS))}.")
    return name


@app.command(epilog="Example: rnnfc export sine --format onnx --to sine.onnx")
def export(
    kind: Annotated[
        str,
        typer.Option(
            "--format", metavar=f"[{'|'.join(_FORMATS)}]", callback=_known_format, help=_FORMAT_HELP
        ),
    ],
    to: Annotated[
        Path,
        typer.Option(
            "--to", metavar="PATH", help=f"A new file; for {' and '.join(_FOLDER_FORMATS)} a new folder."
        ),
    ],
    name: RunName = None,
    outputs: Outputs = OUTPUTS,
    as_json: AsJson = False,
) -> None:
    """Write a run's network for other tools, with a usage card.

    Inputs and outputs of the exported network are in data units.
    """
    from rnnfc.cli.output import show_note, show_result
    from rnnfc.runs.find import find
    from rnnfc.workflows.export import export as export_run

    run = find(outputs, name)
    exported = export_run(run, kind=kind, to=to)
    if as_json:
        print_json(exported.card)
        return
    show_note("run", str(run.folder))
    source = exported.source_of_windows
    windows = "test windows" if source == "test" else f"windows: {source}"
    show_result("written", f"{exported.path}   {exported.card_path}")
    show_result(
        "check",
        f"largest difference from the run's forecasts: {exported.parity_error:.1e} of the data's range "
        f"({exported.num_windows:,} {windows})",
    )
