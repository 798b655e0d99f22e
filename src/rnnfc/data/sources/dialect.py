"""How a text file is written: its rows (`Dialect`) and its numbers (`NumberFormat`)."""

from dataclasses import dataclass

WHITESPACE = "whitespace"


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """Where the rows of a text file begin and end, and what separates their cells.

    separator: one character, or `WHITESPACE`: any number of spaces and tabs.
    skip_rows: lines before the header, blank ones too.
    comment: how lines begin that are no rows; None: there are none.
    names: of the columns, where no line has them; None: a header line does.
    skip_rows_after_header: lines between header and first row, such as a row of units.
    skip_footer: lines below the last row, after blank ones are dropped.
    """

    separator: str = ","
    encoding: str = "utf-8"
    skip_rows: int = 0
    comment: str | None = None
    names: tuple[str, ...] | None = None
    skip_rows_after_header: int = 0
    skip_footer: int = 0

    @property
    def delimiter(self) -> str:
        """The character between two cells; several spaces count as one with `WHITESPACE`."""
        return " " if self.separator == WHITESPACE else self.separator

    @property
    def skips_spaces(self) -> bool:
        """Whether spaces before a cell are not part of it."""
        return self.separator != " "


@dataclass(frozen=True, kw_only=True)
class NumberFormat:
    """How numbers are written.

    thousands: the mark between groups of three digits; None: there is none.
    strip: signs around a number that are no part of it.
    """

    decimal: str = "."
    thousands: str | None = None
    strip: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether numbers are digits with at most one mark."""
        return self.thousands is None and not self.strip
