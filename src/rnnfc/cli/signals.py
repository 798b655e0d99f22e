"""Signals: Ctrl-C, SIGTERM and SIGHUP unwind the work so that it can be continued; a second one ends it at once."""

import contextlib
import os
import select
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

_NUMBERS = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
# Python acts on a signal only between two of its own steps; a compiler or a huge step that takes longer is left to itself.
_PATIENCE_S = 4.0


class Signals:
    """The first signal that came while the block ran: its `number`, None without one."""

    number: int | None = None

    @property
    def exit_code(self) -> int:
        """What a shell reports of a process that the signal ended: 130, 143 or 129."""
        return 128 + (self.number or signal.SIGINT)


@contextlib.contextmanager
def unwound() -> Iterator[Signals]:
    """The first signal raises KeyboardInterrupt in the work; a second one, or patience coming to its end, ends the process."""
    seen = Signals()

    def stop(number: int, _: FrameType | None) -> NoReturn:
        seen.number = seen.number or number
        raise KeyboardInterrupt

    # What is ignored stays ignored: nohup means it.
    heard = [number for number in _NUMBERS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}
    bell, ring = os.pipe()
    os.set_blocking(ring, False)
    bells = signal.set_wakeup_fd(ring)
    watch = threading.Thread(target=_watch, args=(bell,), daemon=True)
    watch.start()
    try:
        yield seen
    finally:
        signal.set_wakeup_fd(bells)
        os.close(ring)  # the watch ends
        watch.join()
        os.close(bell)
        for number, handler in before.items():
            signal.signal(number, handler)
        # An interrupt in code made from text (a dataclass of a module being imported) sets a flag in CPython, and `python -m`
        # then dies of SIGINT, whatever was caught and whatever the exit code: the next text that runs to its end takes it back.
        exec("")  # noqa: S102  (runs nothing)


def _watch(bell: int) -> None:
    # The interpreter writes each signal's number into the pipe at once, whatever the main thread is doing.
    first = os.read(bell, 1)
    if first:
        select.select([bell], [], [], _PATIENCE_S)
        if not (select.select([bell], [], [], 0)[0] and not os.read(bell, 1)):
            os._exit(128 + first[0])
