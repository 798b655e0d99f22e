"""How much memory there is to be had, and the refusal of what cannot fit, told before anything is allocated."""

import contextlib
import math
import os
import re
import sys
from pathlib import Path

from rnnfc.errors import ConfigError

_MEMINFO, _CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def available() -> int:
    """Bytes that this process can still get: what the kernel calls available, or less where a container allows less.

    Where the system tells nothing, a number that nothing exceeds.
    """
    amounts = [sys.maxsize]
    with contextlib.suppress(OSError):
        amounts += [
            1024 * int(kib) for kib in re.findall(r"^MemAvailable:\s+(\d+) kB$", _MEMINFO.read_text(), re.M)
        ]
    if len(amounts) == 1:
        with contextlib.suppress(AttributeError, OSError, ValueError):  # macOS: what is built in, used or not
            amounts.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with contextlib.suppress(OSError, ValueError):  # "max" is no number
        limit, used = (int((_CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        amounts.append(limit - used + _cached())
    return max(0, min(amounts))


def _cached() -> int:
    """Bytes of files that were read: a container counts them as used until something else needs the room."""
    try:
        return sum(
            map(int, re.findall(r"^inactive_file (\d+)$", (_CGROUP / "memory.stat").read_text(), re.M))
        )
    except OSError:
        return 0


def size(number: float) -> str:
    """Bytes for people: 12 KiB, 1.5 GiB."""
    units = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
    power = min(int(math.log(max(number, 1), 1024)), len(units) - 1)
    amount = number / 1024**power
    return f"{amount:,.{1 if power and amount < 10 else 0}f} {units[power]}"


def refuse(num_bytes: int, what: str, *, remedy: str) -> None:
    """Refuse work that needs more memory than there is.

    Raises:
        ConfigError: with what is needed, what there is and the remedy.
    """
    free = available()
    if num_bytes > free:
        raise ConfigError(
            f"{what} needs about {size(num_bytes)} of memory and {size(free)} are free; {remedy}"
        )
