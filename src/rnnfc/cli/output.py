"""Lines and tables for people: results on stdout, progress and notes on stderr."""

import errno
import os
import sys
from collections.abc import Sequence
from typing import TextIO

from rnnfc.errors import OutputError, visible


def line(label: str, text: str) -> str:
    """One line of output: a label, then the text."""
    return f"{label:<12}{text}"


def show_result(label: str, text: str) -> None:
    """Print a line of the result."""
    write(sys.stdout, line(label, text) + "\n")


def show_note(label: str, text: str) -> None:
    """Print a line of progress, or a note."""
    write(sys.stderr, line(label, text) + "\n")


def write(stream: TextIO, text: str) -> None:
    """Write text to stdout or stderr; if the reader has closed the pipe (`| head`), the work continues without output.

    Raises:
        OutputError: the text cannot be written, e.g. to a full disk.
    """
    try:
        stream.write(visible(text))
        stream.flush()
    except OSError as error:
        # Otherwise Python flushes again when it exits, and prints the error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if error.errno != errno.EPIPE:
            raise OutputError(
                f"the output could not be written ({error.strerror}); free some space or send it elsewhere"
            ) from error


def show_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns, the first aligned left, the others right."""
    table = [list(headings), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(headings))]
    for row in table:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        write(sys.stdout, "  ".join(cells).rstrip() + "\n")
