"""The names of columns: each that the config names must be there, once."""

import difflib
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rnnfc.data.sources.columns import FileSpec
from rnnfc.errors import DataError

_MAX_NAME_LENGTH = 80
# Columns that a misspelled name is compared with; each comparison takes some microseconds.
_MAX_COMPARED = 1000
_MAX_LISTED = 12
_OTHER_SEPARATORS = {";": "';'", "\t": '"\\t"', "|": "'|'", ",": "','"}
_COMMENT_MARKS = ("#", "%", "//")
# Dates, years and steps such as d_1 as the names of columns; from which number on they are a wide table.
_TIME_NAME = re.compile(r"\s*([A-Za-z]{0,2}_?\d[\d/.: -]*|\d{4}[- ]?[QMW]\d+)\s*")
_MIN_TIMES = 3
# Lines in which a header is looked for.
_MAX_LINES = 100


def refuse_unknown_columns(
    location: str, header: Sequence[str], columns: Sequence[str], *, hint: str = ""
) -> None:
    """Refuse a `header` that lacks one of `columns`, or has one twice; `location` begins each message, `hint` the remedy."""
    counts = Counter(header)
    duplicates = sorted(name for name in columns if counts[name] > 1)
    if duplicates:
        raise DataError(f"{location}: duplicate column {shorten(duplicates[0])!r}; rename one")
    lines = []
    for name in columns:
        if name not in counts:
            similar = difflib.get_close_matches(name, header[:_MAX_COMPARED], n=1)
            suggestion = f"did you mean {shorten(similar[0])!r}? " if similar and not hint else ""
            lines.append(
                f"{location}: no column {shorten(name)!r}; {hint}{suggestion}columns: {_listed(header)}"
            )
    if lines:
        raise DataError("\n".join(lines))


def refuse_unknown_names(
    location: str,
    header: Sequence[str],
    spec: FileSpec,
    content: bytes = b"",
    numbers: Sequence[int] | npt.NDArray[np.int64] = (),
) -> None:
    """Refuse the header of a text file that lacks a column of `spec`; the message names the key that may help.

    Args:
        content: header and rows, for the message.
        numbers: of their lines in the file.
    """
    columns = spec.required_columns
    if len(header) == 1 and {*columns} - {*header}:
        for separator, written in _OTHER_SEPARATORS.items():
            if separator in header[0] and separator != spec.separator:
                raise DataError(
                    f"{location}: one column {shorten(header[0])!r}; the separator looks like {written}: "
                    f"set data.separator: {written}"
                )
        if {*columns} <= {*header[0].split()}:
            raise DataError(
                f"{location}: one column {shorten(header[0])!r}; the separator looks like spaces: set data.separator: whitespace"
            )
    is_missing = not {*columns} <= {*header}
    hint = _find_header(spec, header, content, numbers) if is_missing else ""
    refuse_unknown_columns(location, header, columns, hint=hint)


def _find_header(
    spec: FileSpec, header: Sequence[str], content: bytes, numbers: Sequence[int] | npt.NDArray[np.int64]
) -> str:
    """What may help where the first line is not the header; empty where nothing is likely."""
    lines = content.split(b"\n", _MAX_LINES)[:_MAX_LINES]
    comment = next((mark for mark in _COMMENT_MARKS if header and header[0].startswith(mark)), None)
    if comment is not None and spec.comment is None:
        return f"set data.comment: '{comment}' if lines that begin with {comment} are comments; "
    for line, number in zip(lines, numbers, strict=False):
        names = [name.strip(' "') for name in line.decode(errors="replace").split(spec.separator)]
        if {*spec.required_columns} <= {*names}:
            return f"these names are on line {number}: set data.skip_rows: {int(number) - 1}; "
    times = [name for name in header if _TIME_NAME.fullmatch(name)]
    if len(times) >= _MIN_TIMES and 2 * len(times) >= len(header):
        return f"set data.kind: wide if the columns {', '.join(times[:3])} and so on are times; "
    if header and all(_is_value(name) for name in header if name):
        return (
            "the first line looks like a row of data: if the file has no header, name its columns with data.columns: "
            f"[{', '.join(spec.required_columns)}]; "
        )
    return ""


def note_header(header: Sequence[str]) -> tuple[str, ...]:
    """A note if the names are numbers and dates, as in a row of data: a file without a header."""
    names = [name for name in header if name]
    is_counted = names == [str(place) for place in range(len(names))]  # pandas counts columns without names
    if is_counted or not all(map(_is_value, names)):
        return ()
    return (
        f"the header looks like a row of data: {_listed(header)}; if the file has no header, name its columns with "
        "data.columns",
    )


def _is_value(name: str) -> bool:
    """Whether a name in a header is rather a number or a date."""
    return any(character.isdigit() for character in name) and not any(
        character.isalpha() for character in name.replace("T", "").replace("Z", "").replace("e", "")
    )


def _listed(names: Sequence[str]) -> str:
    text = ", ".join(map(shorten, names[:_MAX_LISTED])).replace("\n", "\\n")
    return f"{text}, ... ({len(names)} columns)" if len(names) > _MAX_LISTED else text


def shorten(name: str) -> str:
    """A name for a message, at most 80 characters."""
    return name if len(name) <= _MAX_NAME_LENGTH else f"{name[: _MAX_NAME_LENGTH - 1]}…"
