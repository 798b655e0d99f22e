"""rnnfc check."""

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from rnnfc.cli.options import AsJson, Config, Set, app, print_json

if TYPE_CHECKING:
    from rnnfc.workflows.audit import Claim
    from rnnfc.workflows.prepare import Prepared


@app.command(epilog="Example: rnnfc check configs/sine.yaml")
def check(
    config: Config,
    overrides: Set = None,
    audit: Annotated[
        bool,
        typer.Option(
            "--audit", help="Also test for leakage: change future rows, train, compare (one epoch, twice)."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check config and data; count windows, parameters and memory.

    Nothing is trained, unless --audit asks for it.
    """
    from rnnfc.config.load import load

    experiment = load(config, overrides or ())
    from rnnfc.cli.output import show_result
    from rnnfc.cli.report_output import show_check
    from rnnfc.workflows.prepare import check as check_experiment
    from rnnfc.workflows.prepare import prepare

    prepared = prepare(experiment)
    result = check_experiment(prepared)
    if not as_json:
        show_check(result)
    claims = _audit(prepared) if audit else []
    for claim in claims if not as_json else ():
        show_result("audit", f"{'holds' if claim.is_true else 'BROKEN'}: {claim.text}")
    if as_json:
        print_json({**result, **({"audit": [claim.to_json() for claim in claims]} if audit else {})})
    raise typer.Exit(0 if all(claim.is_true for claim in claims) else 1)


def _audit(prepared: "Prepared") -> "list[Claim]":
    from rnnfc.cli.training_console import TrainingConsole
    from rnnfc.workflows.audit import audit

    with contextlib.closing(TrainingConsole(resumable=False)) as listener:
        return audit(prepared, listener=listener)
