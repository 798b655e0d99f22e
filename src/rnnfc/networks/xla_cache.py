"""A cache of the programs that XLA compiles, in the user's cache folder; RNNFC_XLA_CACHE=off switches it off.

TensorFlow can read and write such a folder, but it does not sync what it writes, and a truncated file makes training fail. So
each process has a folder of its own, with hard links to those shared files whose content matches the SHA-256 in their name. The
programs that a process compiles are shared once an epoch has run.
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

CACHE_VARIABLE = "RNNFC_XLA_CACHE"
_FLAGS = "TF_XLA_FLAGS"
# A program takes about half a megabyte, and all of them are hashed at each start. Nothing is shared if the disk is nearly full.
_MAX_FILES, _MAX_FILE_BYTES, _MIN_FREE_BYTES = 64, 8 * 2**20, 2**28
# The folder of a killed process is deleted after a day, the folders of other versions after two months without use.
_PROCESS_PREFIX, _STALE_S, _UNUSED_S = "process-", 86_400, 60 * 86_400

_folders: list[tuple[Path, Path]] = []  # (of this process, shared); empty without a cache


@contextlib.contextmanager
def use_process_folder() -> Iterator[None]:
    """Let TensorFlow, started inside, use the folder of this process; none if the user chose one, or if it is not safe."""
    flags = os.environ.get(_FLAGS)
    if os.environ.get(CACHE_VARIABLE) != "off" and "persistent_cache" not in (flags or ""):
        with contextlib.suppress(OSError, RuntimeError):  # no home, no space, not Linux
            _open_process_folder()
    try:
        if _folders:
            os.environ[_FLAGS] = f"{flags or ''} --tf_xla_persistent_cache_directory={_folders[0][0]}".strip()
        yield
    finally:  # child processes have folders of their own
        if flags is None:
            os.environ.pop(_FLAGS, None)
        else:
            os.environ[_FLAGS] = flags


def has_programs() -> bool:
    """Whether XLA may load a program, of an earlier process or of this one."""
    return any(path.is_file() for own, _ in _folders for path in own.glob("*"))


def share_programs() -> None:
    """Share what this process has compiled with later ones; once a program has run, TensorFlow has written all of it."""
    for own, shared in _folders:
        with contextlib.suppress(OSError):
            known = {path.name.partition("-")[2] for path in shared.iterdir()}
            for path in own.iterdir():
                if path.name not in known and path.stat().st_size <= _MAX_FILE_BYTES:
                    (shared / f"{_sha256(path)}-{path.name}").hardlink_to(path)


def _open_process_folder() -> None:
    shared = _shared_folder()
    if shared is None:
        return
    own = Path(tempfile.mkdtemp(prefix=_PROCESS_PREFIX, dir=shared))
    atexit.register(_delete, own, os.getpid())
    for folder, names, age in (
        (shared, f"{_PROCESS_PREFIX}*", _STALE_S),
        (shared.parent, "xla-*", _UNUSED_S),
    ):
        for path in folder.glob(names):
            if path != shared and path.stat().st_mtime < time.time() - age:
                shutil.rmtree(path, ignore_errors=True)
    files = [path for path in shared.iterdir() if not path.is_dir() or path.is_symlink()]
    newest_first = sorted(files, key=lambda path: path.lstat().st_mtime, reverse=True)
    for index, path in enumerate(newest_first):
        digest, _, name = path.name.partition("-")
        if index < _MAX_FILES and not path.is_symlink() and _sha256(path) == digest:
            (own / name).unlink(missing_ok=True)  # two processes have compiled the same program
            (own / name).hardlink_to(path)
            os.utime(path)  # a file in use stays
        else:
            path.unlink()
    _folders.append((own, shared))


def _delete(own: Path, process: int) -> None:
    if os.getpid() == process:  # not in a fork of it
        shutil.rmtree(own, ignore_errors=True)


def _shared_folder() -> Path | None:
    """The folder of this machine and these versions; None if others could write to it, or if the disk is nearly full."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    has_space = any(map(str.isspace, str(home)))  # which would end TensorFlow's flag
    if not home.is_absolute() or has_space:
        return None
    shared = home / "rnnfc" / f"xla-{_machine_key()}"
    for folder in (shared.parent, shared):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
        is_private = status.st_uid == os.getuid() and not stat.S_IMODE(status.st_mode) & 0o077
        if not stat.S_ISDIR(status.st_mode) or not is_private:
            return None
    return shared if shutil.disk_usage(shared).free > _MIN_FREE_BYTES else None


def _machine_key() -> str:
    """A hash of what a program depends on and TensorFlow does not check: versions, processor, flags."""
    processor = {
        line
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith(("model", "flags", "Features"))
    }
    versions = [metadata.version(name) for name in ("rnnfc", "tensorflow")]
    flags = [os.environ.get(name, "") for name in ("XLA_FLAGS", _FLAGS)]
    parts = [*versions, platform.machine(), *sorted(processor), *flags]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
