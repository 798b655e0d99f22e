"""Numbers and names as people read them, in Markdown and on the console."""

import html
import math
import re
from collections.abc import Sequence

from rnnfc.errors import visible

# What Markdown, or HTML inside it, would read as more than the character.
_MARKUP = re.compile(r"[\\`*\[\]|~$]")


def format_number(value: float | None) -> str:
    """Four significant digits; a dash where the value is not defined."""
    if value is None:
        return "–"
    size = abs(float(f"{value:.4g}"))  # 9.99996 is a number of two digits before the point
    if size != 0 and not (size >= 1e-3 and abs(value) < 1e6):
        return f"{value:.3e}"
    digits = max(0, 3 - math.floor(math.log10(size))) if size else 4
    return f"{value:,.{digits}f}"


def escape_markdown(text: str) -> str:
    """`text` on one line of Markdown that shows it as it is: no table cell, link, HTML or formula begins in it."""
    return _MARKUP.sub(r"\\\g<0>", html.escape(visible(text.replace("\n", " ")), quote=False))


def format_table(headings: list[str], rows: list[list[str]]) -> list[str]:
    """Lines of a Markdown table, the first column aligned left and the others right; cells are Markdown already."""
    return [
        f"| {' | '.join(headings)} |",
        f"|---{'|---:' * (len(headings) - 1)}|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def describe_better(names: Sequence[str]) -> str:
    """Which values of these scores are better, where not all of them are the lower; else empty."""
    from rnnfc.evaluation.metrics import heading, parse_name  # most texts are of commands that show no metric

    words = {"higher": "higher", "nearer zero": "nearer zero", "nominal": "nearer the share in its name"}
    headings: dict[str, list[str]] = {}
    for name in names:
        better = parse_name(name)[0].better
        if better in words:
            headings.setdefault(better, []).append(heading(name))
    if not headings:
        return ""
    others = [f"; for {' and '.join(group)}, {words[better]}" for better, group in headings.items()]
    return f"Lower is better{''.join(others)}."


def series_with_windows(number: int, total: int) -> str:
    """Said of the windows of a split in which some series have none, because they are short, begin late or end early."""
    return f" (of {number:,} of the {total:,} series)" if number < total else ""


def series_of_rows(number: int, left_out: int) -> str:
    """Said of rows where there are many series."""
    short = f" ({left_out:,} left out as shorter than a window)" if left_out else ""
    return f" of {number:,} series{short}" if number > 1 or left_out else ""
