"""The exceptions of this package; the command line prints each as one message and returns its exit code."""

import re

# Characters that a terminal executes instead of showing: control characters, line separators, marks of text direction.
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """`text` for a terminal or a log: control characters other than newlines are written as \\u001b."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


class RnnfcError(Exception):
    """An error whose message says what was found, where, and what to do.

    `exit_code` is 2 where the user's config, data, run or option is wrong, 1 where the input was valid but the work failed.
    """

    exit_code = 2


class ConfigError(RnnfcError):
    """A config or an override is wrong. The message has one line for each mistake."""


class DataError(RnnfcError):
    """The data does not fit the experiment."""


class MissingExtraError(RnnfcError):
    """An optional package is not installed. The message says how to install it."""


class RunError(RnnfcError):
    """A run folder is missing, unfinished or damaged."""


class TrainError(RnnfcError):
    """Training failed although its input was valid, e.g. the loss is not finite."""

    exit_code = 1


class OutputError(RnnfcError):
    """A result could not be written, e.g. to a full disk."""

    exit_code = 1
