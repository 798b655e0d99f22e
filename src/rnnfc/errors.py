"""Every error that a user can cause or meet; the command line turns each into one message and an exit code."""


class RnnfcError(Exception):
    """An error whose text says what was given, where, what is allowed and what to do.

    `exit_code` is 2 where the user's config, data, run or option is wrong, 1 where the input was fine but the work failed.
    """

    exit_code = 2


class ConfigError(RnnfcError):
    """A config or an override is wrong; one line for each mistake, all mistakes at once."""


class DataError(RnnfcError):
    """The data cannot be used as the experiment asks."""


class RunError(RnnfcError):
    """A run folder is missing, unfinished or damaged."""


class TrainError(RnnfcError):
    """Training failed although its input was fine, e.g. a loss that is not finite any more."""

    exit_code = 1


class OutputError(RnnfcError):
    """A result could not be written, e.g. to a full disk."""

    exit_code = 1
