"""The command line: parse options, call a workflow, print. A command imports what is slow to import when it runs."""

import contextlib
import importlib
import io
import sys
from typing import NoReturn

import typer

from rnnfc.cli.options import app
from rnnfc.cli.signals import handle_signals
from rnnfc.errors import RnnfcError, visible

# A command is the module of its name in cli/commands; `rnnfc --help` lists them in this order.
COMMANDS = (
    "init",
    "check",
    "train",
    "list",
    "evaluate",
    "compare",
    "predict",
    "export",
    "tag",
    "remove",
    "verify",
    "explain",
    "schema",
)
# 128 + SIGINT; Typer returns it after Ctrl-C.
_INTERRUPTED = 130

for _name in COMMANDS:
    importlib.import_module(f"rnnfc.cli.commands.{_name}")


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command line and exit: 0 done, 1 the work failed, 2 wrong input, 129/143 SIGHUP/SIGTERM, 130 SIGINT."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an ASCII terminal shows "?" for "·"
    with handle_signals() as signals:
        try:
            code = _run(sys.argv[1:] if arguments is None else arguments)
        except BaseException:
            if not signals.number:
                raise
            code = _INTERRUPTED  # C extensions may turn an interrupt into another error
    if signals.number or code == _INTERRUPTED:
        code = _print_error("interrupted\n", code=signals.exit_code)
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    """Run a command line and print its error; returns the exit code."""
    try:
        return int(app(arguments or ["--help"], standalone_mode=False) or 0)
    except RnnfcError as error:
        return _fail(str(error), code=error.exit_code)
    except typer.TyperException as error:
        _fail(" ".join(error.format_message().split()), code=2)  # Typer puts choices on separate lines
        return _print_error(
            "run 'rnnfc --help', or 'rnnfc COMMAND --help' for its options and an example\n", code=2
        )
    except MemoryError:
        return _fail("out of memory; 'rnnfc check CONFIG' estimates what training needs", code=1)
    except OSError as error:
        return _fail(f"{error.filename or 'the operating system'}: {error.strerror or error}", code=1)


def _fail(text: str, *, code: int) -> int:
    return _print_error("".join(f"error: {line}\n" for line in text.split("\n")), code=code)


def _print_error(text: str, *, code: int) -> int:
    with contextlib.suppress(OSError):  # stderr is closed; the exit code still reports the error
        sys.stderr.write(visible(text))
        sys.stderr.flush()
    return code
