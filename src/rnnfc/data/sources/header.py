"""The names of columns: each that the config names must be there, once."""

import difflib
from collections import Counter
from collections.abc import Sequence

from rnnfc.errors import DataError

_MAX_NAME_LENGTH = 80
# Columns that a misspelled name is compared with; each comparison takes some microseconds.
_MAX_COMPARED = 1000
_MAX_LISTED = 12


def refuse_unknown_columns(location: str, header: Sequence[str], columns: Sequence[str]) -> None:
    """Refuse a `header` that lacks one of `columns`, or has a name twice; `location` begins each message."""
    duplicates = sorted(name for name, count in Counter(header).items() if count > 1)
    if duplicates:
        raise DataError(f"{location}: duplicate column {shorten(duplicates[0])!r}; rename one")
    lines = []
    for name in columns:
        if name not in header:
            similar = difflib.get_close_matches(name, header[:_MAX_COMPARED], n=1)
            hint = f"did you mean {shorten(similar[0])!r}? " if similar else ""
            lines.append(f"{location}: no column {shorten(name)!r}; {hint}columns: {_listed(header)}")
    if lines:
        raise DataError("\n".join(lines))


def _listed(names: Sequence[str]) -> str:
    text = ", ".join(map(shorten, names[:_MAX_LISTED])).replace("\n", "\\n")
    return f"{text}, ... ({len(names)} columns)" if len(names) > _MAX_LISTED else text


def shorten(name: str) -> str:
    """A name for a message, at most 80 characters."""
    return name if len(name) <= _MAX_NAME_LENGTH else f"{name[: _MAX_NAME_LENGTH - 1]}…"
