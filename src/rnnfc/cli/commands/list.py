"""rnnfc list."""

import datetime as dt
from typing import TYPE_CHECKING

from rnnfc.cli.options import OUTPUTS, AsJson, Outputs, app, print_json

if TYPE_CHECKING:
    from rnnfc.workflows.list import RunEntry

# Seconds in a unit of age; an age is shown in the largest of which it has two.
_AGES = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}

# What stands after an error in these units.
_MARKS = {"data": "", "scaled": " scaled", "range": " of the range"}


@app.command("list", epilog="Example: rnnfc list --json")
def list_runs(outputs: Outputs = OUTPUTS, as_json: AsJson = False) -> None:
    """List runs: scores, size and age, the newest first."""
    from rnnfc.cli.output import show_note, show_table
    from rnnfc.workflows.list import list_runs as read_runs

    entries = read_runs(outputs)
    if as_json:
        print_json([entry.to_json() for entry in entries])
        return
    if not entries:
        show_note("runs", f"none in {outputs}; train one: rnnfc train CONFIG")
        return
    now = dt.datetime.now(dt.UTC)
    headings = ["run", "status", "validation RMSE", "test RMSE", "best baseline", "size", "age", "tags"]
    show_table(headings, [_cells(entry, now) for entry in entries])


def _cells(entry: "RunEntry", now: dt.datetime) -> list[str]:
    from rnnfc.memory import format_bytes
    from rnnfc.reports.text import format_number

    scores = entry.summary
    if scores is None:
        numbers = ["–"] * 3
    else:
        mark = _MARKS[scores.units]
        numbers = [
            *(
                format_number(value) + mark * (value is not None)
                for value in (scores.validation, scores.test)
            ),
            f"{scores.baseline} {format_number(scores.baseline_test)}" if scores.baseline else "–",
        ]
    size = format_bytes(entry.size_bytes)
    status = entry.status if entry.parent is None else f"{entry.status} (final)"
    return [entry.name, status, *numbers, size, _age(entry.changed, now), ", ".join(entry.tags)]


def _age(time: dt.datetime | None, now: dt.datetime) -> str:
    if time is None:
        return "–"
    seconds = max(0, int((now - time).total_seconds()))
    unit = next((unit for unit, size in _AGES.items() if seconds >= 2 * size), "s")
    return f"{seconds // _AGES[unit]} {unit}"
