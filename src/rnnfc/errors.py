"""Every error that a user can cause or meet; the command line turns each into one message and an exit code."""

import re

# What a terminal obeys instead of showing it: control characters, line separators, and marks that turn the direction of text.
_OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """`text` for a terminal or a log: lines as they are, and whatever would move, colour or hide text written as \\u001b."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class RnnfcError(Exception):
    """An error whose text says what was given, where, what is allowed and what to do.

    `exit_code` is 2 where the user's config, data, run or option is wrong, 1 where the input was fine but the work failed.
    """

    exit_code = 2


class ConfigError(RnnfcError):
    """A config or an override is wrong; one line for each mistake, all mistakes at once."""


class DataError(RnnfcError):
    """The data cannot be used as the experiment asks."""


class MissingExtraError(RnnfcError):
    """A package that only some experiments need is not installed; which, and how to install it."""


class RunError(RnnfcError):
    """A run folder is missing, unfinished or damaged."""


class TrainError(RnnfcError):
    """Training failed although its input was fine, e.g. a loss that is not finite any more."""

    exit_code = 1


class OutputError(RnnfcError):
    """A result could not be written, e.g. to a full disk."""

    exit_code = 1
