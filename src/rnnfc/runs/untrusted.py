"""Read files of unknown origin: plain files only, no more than memory holds, and nothing in them is executed.

Content must be stored in the file byte by byte. Nothing is decompressed, so no file can claim to hold more than its size.
"""

import io
import json
import math
import stat
import zipfile
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.lib import format as npy

from rnnfc import memory
from rnnfc.plain import Array, JsonObject

# Parsed JSON takes up to this many times the size of its text.
_JSON_GROWTH = 25
_READ_HEADER = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
# Kinds of plain dtypes: bool, integers, floats, times, text; no objects, no records.
_KINDS = "biufMU"


def read_bytes(path: Path, *, growth: int = 2) -> bytes:
    """The bytes of a plain file.

    Args:
        growth: how many times the file's size its content may take in memory.
    Raises:
        OSError: the file cannot be read.
        ValueError: not a plain file, see `refuse_special`, or larger than the free memory.
    """
    refuse_special(path)
    size = path.lstat().st_size
    if growth * size > (available := memory.available_bytes()):
        sizes = memory.format_bytes(size), memory.format_bytes(available)
        raise ValueError(f"{sizes[0]} do not fit into {sizes[1]} of free memory")
    return path.read_bytes()


def refuse_special(path: Path) -> None:
    """Refuse all but plain files: a link leads elsewhere, and reading a pipe or a device may never end.

    Raises:
        OSError: there is no such file.
        ValueError: it is not a plain file.
    """
    if not stat.S_ISREG(path.lstat().st_mode):
        raise ValueError("a link, a folder or a device, not a plain file")


def read_json(path: Path) -> JsonObject:
    """The object in a JSON file.

    Raises:
        OSError, ValueError, RecursionError: as `read_bytes`; not JSON, NaN or infinity, not an object, nested too deep.
    """
    value = json.loads(read_bytes(path, growth=_JSON_GROWTH).decode(), parse_constant=_refuse_constant)
    if not isinstance(value, dict):
        raise ValueError("an object is needed")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not valid JSON")


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays of an .npz file as `numpy.savez` writes it.

    Raises:
        OSError, ValueError: as `read_bytes`; compressed, damaged, or an array is not what its header says.
    """
    content = read_bytes(path)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            if len(set(names)) < len(names) or any(".." in name or name.startswith("/") for name in names):
                raise ValueError("two arrays have the same name, or a name is a path")
            # Members of a zip file may overlap; those of a good file together are no longer than it.
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise ValueError("its arrays are compressed, which rnnfc never does")
            if sum(member.file_size for member in members) > len(content):
                raise ValueError("its arrays claim to be larger than the file")
            return {name.removesuffix(".npy"): _array(archive.read(name)) for name in names}
    # RuntimeError: a damaged header claims encryption or a later version of zip.
    except (EOFError, KeyError, OverflowError, RuntimeError, zipfile.BadZipFile) as error:
        raise ValueError(str(error)) from error


def _array(content: bytes) -> Array:
    """One .npy file; its header is compared with its size before anything is allocated."""
    stream = io.BytesIO(content)
    try:
        shape, _, dtype = _READ_HEADER[npy.read_magic(stream)](stream)
    except Exception as error:  # the header is a Python literal, whose parser raises anything
        # NumPy's own message advises to allow pickle.
        raise ValueError("not a plain array file") from error
    if dtype.kind not in _KINDS or min(shape, default=0) < 0:
        raise ValueError(f"not a plain array file: it holds {dtype}")
    if math.prod(shape) * dtype.itemsize != len(content) - stream.tell():
        size = math.prod(shape) * dtype.itemsize
        raise ValueError(f"an array of shape {shape} takes {size:,} bytes, the file holds another number")
    stream.seek(0)
    return np.asarray(npy.read_array(stream, allow_pickle=False))
