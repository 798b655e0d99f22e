"""Files that somebody else may have made, read without trust: plain files only, never more of them than fits, nothing run.

What is read must stand in the file byte by byte. Nothing is unpacked, so no file can claim to hold more than it has.
"""

import io
import json
import math
import stat
import zipfile
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from rnnfc import memory

# A file of JSON text takes up to this many times its size once it is read.
_JSON_GROWTH = 25
_READ_HEADER = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
# Types of plain values: bool, whole numbers, floats, times, text; no objects, no records.
_KINDS = "biufMU"


def read_bytes(path: Path, *, growth: int = 2) -> bytes:
    """The bytes of a plain file.

    Args:
        growth: how many times the file's size its content may come to take in memory.
    Raises:
        OSError: the file cannot be read.
        ValueError: it is no plain file (a link would lead elsewhere, a pipe or a device never end), or too large to be read.
    """
    refuse_special(path)
    size = path.lstat().st_size
    if growth * size > memory.available_bytes():
        raise ValueError(
            f"{memory.format_bytes(size)} are more than there is memory for ({memory.format_bytes(memory.available_bytes())})"
        )
    return path.read_bytes()


def refuse_special(path: Path) -> None:
    """Refuse what is no plain file: a link would lead elsewhere, a pipe or a device never end.

    Raises:
        OSError: there is no such file.
        ValueError: it is something else.
    """
    if not stat.S_ISREG(path.lstat().st_mode):
        raise ValueError("it is a link, a folder or a device, not a plain file")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        OSError, ValueError, RecursionError: as `read_bytes`; not JSON, NaN or infinity, no object, nested too deep.
    """
    value = json.loads(read_bytes(path, growth=_JSON_GROWTH).decode(), parse_constant=_refuse_constant)
    if not isinstance(value, dict):
        raise ValueError("an object is needed")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an .npz file as `numpy.savez` writes it.

    Raises:
        OSError, ValueError: as `read_bytes`; no such file, packed, damaged, or an array is not what its header says.
    """
    content = read_bytes(path)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            if len(set(names)) < len(names) or any(".." in name or name.startswith("/") for name in names):
                raise ValueError("two arrays have one name, or a name is a path out of the file")
            # Members may lie over each other in a zip file; laid end to end they cannot be longer than it.
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise ValueError("its arrays are packed, which this tool never does")
            if sum(member.file_size for member in members) > len(content):
                raise ValueError("its arrays claim to be larger than the file")
            return {name.removesuffix(".npy"): _array(archive.read(name)) for name in names}
    # RuntimeError: a damaged zip file says that it is encrypted, or of a later version.
    except (EOFError, KeyError, OverflowError, RuntimeError, zipfile.BadZipFile) as error:
        raise ValueError(str(error)) from error


def _array(content: bytes) -> npt.NDArray[Any]:
    """One .npy file whose header is borne out by its size before anything is allocated."""
    stream = io.BytesIO(content)
    try:
        shape, _, dtype = _READ_HEADER[npy.read_magic(stream)](stream)
    except Exception as error:  # the header is a Python literal, and its parser raises whatever it likes
        raise ValueError(
            "it is no plain array file"
        ) from error  # NumPy's own words go on to advise loading it unsafely
    if dtype.kind not in _KINDS or min(shape, default=0) < 0:
        raise ValueError(f"it is no plain array file: it holds {dtype}")
    if math.prod(shape) * dtype.itemsize != len(content) - stream.tell():
        raise ValueError(
            f"an array of shape {shape} takes {math.prod(shape) * dtype.itemsize:,} bytes, not what is there"
        )
    stream.seek(0)
    return np.asarray(npy.read_array(stream, allow_pickle=False))
