"""Ctrl-C, SIGTERM and SIGHUP interrupt the work so that it can be resumed; a second signal ends the process at once."""

import contextlib
import os
import select
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

_NUMBERS = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
# Python handles a signal only between two bytecodes; if a compiler or a large operation takes longer, the process ends.
_TIMEOUT_S = 4.0


class Signals:
    """The `number` of the first signal during the block; None without one."""

    number: int | None = None

    @property
    def exit_code(self) -> int:
        """The exit code of a process that ended by this signal: 130, 143 or 129."""
        return 128 + (self.number or signal.SIGINT)


@contextlib.contextmanager
def handle_signals() -> Iterator[Signals]:
    """Raise KeyboardInterrupt on the first signal; end the process on a second one, or if the work does not stop in time."""
    signals = Signals()

    def stop(number: int, _: FrameType | None) -> NoReturn:
        signals.number = signals.number or number
        raise KeyboardInterrupt

    # Ignored signals stay ignored, as nohup asks.
    numbers = [number for number in _NUMBERS if signal.getsignal(number) != signal.SIG_IGN]
    handlers = {number: signal.signal(number, stop) for number in numbers}
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    wakeup_before = signal.set_wakeup_fd(writer)
    watch = threading.Thread(target=_watch, args=(reader,), daemon=True)
    watch.start()
    try:
        yield signals
    finally:
        signal.set_wakeup_fd(wakeup_before)
        os.close(writer)  # which ends the watch
        watch.join()
        os.close(reader)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        # CPython: an interrupt in code compiled from text (e.g. a dataclass of a module being imported) sets a flag, by which
        # `python -m` dies of SIGINT at its end, even if the interrupt was caught. The next such code that ends clears it.
        exec("")  # noqa: S102  (runs nothing)


def _watch(reader: int) -> None:
    # The interpreter writes each signal's number into the pipe at once, whatever the main thread is doing.
    first = os.read(reader, 1)
    if first:
        select.select([reader], [], [], _TIMEOUT_S)
        if not (select.select([reader], [], [], 0)[0] and not os.read(reader, 1)):
            os._exit(128 + first[0])
