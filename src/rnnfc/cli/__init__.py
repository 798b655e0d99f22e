"""The command line: options, one call, one print. Nothing heavy is imported before a command needs it."""

import contextlib
import io
import sys
from typing import NoReturn

import typer

from rnnfc.cli import experiments, runs  # noqa: F401  each command joins the application when it is defined
from rnnfc.cli.options import app
from rnnfc.cli.signals import unwound
from rnnfc.errors import RnnfcError, visible

# 128 + SIGINT; Typer returns it after Ctrl-C.
_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command line and exit: 0 done, 1 the work failed, 2 the input is wrong, 129/143 SIGHUP/SIGTERM, 130 SIGINT."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows ASCII only shows "?" for "·"
    with unwound() as signals:
        try:
            code = _run(sys.argv[1:] if arguments is None else arguments)
        except BaseException:
            if not signals.number:
                raise
            code = _INTERRUPTED  # code written in C may turn an interrupt into an error of its own
    if signals.number or code == _INTERRUPTED:
        code = _tell("interrupted; no run folder was made\n", code=signals.exit_code)
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    """Run a command line and say what went wrong; returns the exit code."""
    try:
        return int(app(arguments or ["--help"], standalone_mode=False) or 0)
    except RnnfcError as error:
        return _fail(str(error), code=error.exit_code)
    except typer.TyperException as error:
        _fail(" ".join(error.format_message().split()), code=2)  # a list of choices comes on lines of its own
        return _tell("run 'rnnfc --help', or 'rnnfc COMMAND --help' for its options and an example\n", code=2)
    except MemoryError:
        return _fail("out of memory; 'rnnfc check CONFIG' estimates what training needs", code=1)
    except OSError as error:
        return _fail(f"{error.filename or 'the operating system'}: {error.strerror or error}", code=1)


def _fail(text: str, *, code: int) -> int:
    return _tell("".join(f"error: {line}\n" for line in text.split("\n")), code=code)


def _tell(text: str, *, code: int) -> int:
    with contextlib.suppress(OSError):  # nobody listens any more; the exit code still says it
        sys.stderr.write(visible(text))
        sys.stderr.flush()
    return code
