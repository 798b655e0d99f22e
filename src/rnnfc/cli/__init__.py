"""The command line: options, one call, one print. Nothing heavy is imported before a command needs it."""

import contextlib
import io
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

import typer

from rnnfc.cli import experiments, runs  # noqa: F401  each command joins the application when it is defined
from rnnfc.cli.options import app
from rnnfc.errors import RnnfcError

# 128 + SIGINT; Typer returns it after Ctrl-C.
_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command line and exit: 0 done, 1 the work failed, 2 the input is wrong, 129/143 SIGHUP/SIGTERM, 130 SIGINT."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows ASCII only shows "?" for "·"
    given = sys.argv[1:] if arguments is None else arguments
    try:
        with _terminable():
            code = app(given or ["--help"], standalone_mode=False)
    except RnnfcError as error:
        code = _fail(str(error), code=error.exit_code)
    except typer.TyperException as error:
        _fail(error.format_message(), code=2)
        code = _tell("run 'rnnfc --help', or 'rnnfc COMMAND --help' for its options and an example\n", code=2)
    except MemoryError:
        code = _fail("out of memory; 'rnnfc check CONFIG' estimates what training needs", code=1)
    except OSError as error:
        code = _fail(f"{error.filename or 'the operating system'}: {error.strerror or error}", code=1)
    if code == _INTERRUPTED:
        _tell("interrupted; nothing half-done was left behind\n", code=code)
    sys.exit(code)


def _fail(text: str, *, code: int) -> int:
    return _tell("".join(f"error: {line}\n" for line in text.splitlines()), code=code)


def _tell(text: str, *, code: int) -> int:
    with contextlib.suppress(OSError):  # nobody listens any more; the exit code still says it
        sys.stderr.write(text)
        sys.stderr.flush()
    return code


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM, and SIGHUP of a closed terminal, unwind like Ctrl-C, so that half-written folders are removed."""

    def stop(number: int, _: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
