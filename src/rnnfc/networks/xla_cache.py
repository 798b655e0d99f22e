"""Programs that XLA has compiled, kept from run to run in the user's cache folder; RNNFC_XLA_CACHE=off keeps none.

TensorFlow can read and write such a folder, but it does not sync what it writes, and training fails on a file that is cut off. So
each process has a folder of its own, with links to those common files whose content has the SHA-256 that begins their name. What
it compiles becomes common once an epoch has run.
"""

import atexit
import contextlib
import hashlib
import os
import platform
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

SWITCH = "RNNFC_XLA_CACHE"
_FLAGS = "TF_XLA_FLAGS"
# A program takes about half a megabyte; all of them are hashed at each start. Without room on the disk none is written.
_MOST_FILES, _LARGEST_BYTES, _FREE_BYTES = 64, 8 * 2**20, 2**28
# The folder of a process that was killed goes after a day; those of other versions that nobody has used for two months go too.
_OWN, _STALE_S, _UNUSED_S = "process-", 86_400, 60 * 86_400

_folders: list[tuple[Path, Path]] = []  # of this process and the common one; empty where nothing is kept


@contextlib.contextmanager
def in_use() -> Iterator[None]:
    """TensorFlow, started inside, uses the folder of this process; none where the user has chosen one or it is not safe."""
    given = os.environ.get(_FLAGS)
    if os.environ.get(SWITCH) != "off" and "persistent_cache" not in (given or ""):
        with contextlib.suppress(OSError, RuntimeError):  # no home, no room, not Linux
            _open()
    try:
        if _folders:
            os.environ[_FLAGS] = f"{given or ''} --tf_xla_persistent_cache_directory={_folders[0][0]}".strip()
        yield
    finally:  # a process that is started from here has a folder of its own
        if given is None:
            os.environ.pop(_FLAGS, None)
        else:
            os.environ[_FLAGS] = given


def holds_any() -> bool:
    """Whether a program may be loaded that an earlier process has compiled, or this one."""
    return any(path.is_file() for own, _ in _folders for path in own.glob("*"))


def keep() -> None:
    """Let later processes have what this one has compiled; TensorFlow has written all of it once a program has run."""
    for own, common in _folders:
        with contextlib.suppress(OSError):
            known = {path.name.partition("-")[2] for path in common.iterdir()}
            for path in own.iterdir():
                if path.name not in known and path.stat().st_size <= _LARGEST_BYTES:
                    (common / f"{_digest(path)}-{path.name}").hardlink_to(path)


def _open() -> None:
    common = _common()
    if common is None:
        return
    own = Path(tempfile.mkdtemp(prefix=_OWN, dir=common))
    atexit.register(_close, own, os.getpid())
    for folder, names, age in ((common, f"{_OWN}*", _STALE_S), (common.parent, "xla-*", _UNUSED_S)):
        for path in folder.glob(names):
            if path != common and path.stat().st_mtime < time.time() - age:
                shutil.rmtree(path, ignore_errors=True)
    files = [path for path in common.iterdir() if not path.is_dir() or path.is_symlink()]
    for place, path in enumerate(sorted(files, key=lambda path: path.lstat().st_mtime, reverse=True)):
        digest, _, name = path.name.partition("-")
        if place < _MOST_FILES and not path.is_symlink() and _digest(path) == digest:
            (own / name).unlink(missing_ok=True)  # two processes have compiled it at once
            (own / name).hardlink_to(path)
            os.utime(path)  # what is used stays
        else:
            path.unlink()
    _folders.append((own, common))


def _close(own: Path, process: int) -> None:
    if os.getpid() == process:  # and not a fork of it
        shutil.rmtree(own, ignore_errors=True)


def _common() -> Path | None:
    """The folder for this machine and these versions; None where it is not the user's alone, or the disk is full."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    if not home.is_absolute() or any(
        map(str.isspace, str(home))
    ):  # TensorFlow takes a space for the end of a flag
        return None
    folder = home / "rnnfc" / f"xla-{_key()}"
    for place in (folder.parent, folder):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = place.lstat()
        if (
            not stat.S_ISDIR(about.st_mode)
            or about.st_uid != os.getuid()
            or stat.S_IMODE(about.st_mode) & 0o077
        ):
            return None
    return folder if shutil.disk_usage(folder).free > _FREE_BYTES else None


def _key() -> str:
    """Of all that a program depends on besides what TensorFlow itself looks at: versions, processor, flags."""
    processor = {
        line
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith(("model", "flags", "Features"))
    }
    parts = [metadata.version(name) for name in ("rnnfc", "tensorflow")] + [
        platform.machine(),
        *sorted(processor),
    ]
    parts += [os.environ.get(name, "") for name in ("XLA_FLAGS", _FLAGS)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
