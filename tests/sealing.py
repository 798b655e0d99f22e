"""Tests that change a finished run update its manifest."""

import os
import stat
from pathlib import Path

from rnnfc.runs.writer import MANIFEST, manifest


def seal(folder: Path) -> None:
    """Rewrite the manifest, if there is one, with the hashes of the files as they are now."""
    if (folder / MANIFEST).exists():
        lines = (folder / MANIFEST).read_text().splitlines()
        hashes = {
            line[66:]: manifest(folder, [line[66:]])
            for line in lines
            if stat.S_ISREG(_mode(folder / line[66:]))
        }
        (folder / MANIFEST).write_text("".join(hashes.get(line[66:], f"{line}\n") for line in lines))


def _mode(path: Path) -> int:
    return path.lstat().st_mode if os.path.lexists(path) else 0
