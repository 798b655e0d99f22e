"""The content of a file: decompressed, and named where it is a format that is not read."""

import bz2
import contextlib
import gzip
import io
import lzma
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

from rnnfc import memory
from rnnfc.data.sources.columns import FileSpec
from rnnfc.errors import DataError, MissingExtraError

# Peak memory of reading a file in multiples of its size, at least; measured: 2.5 to 3 for plain rows, 11 for others.
_MEMORY_FACTOR = 3
_CHUNK_BYTES = 2**26
# Bytes that are looked at to name a format: up to the mark of a tar archive.
_HEAD_BYTES = 512
_COMPRESSED_SUFFIXES = (".gz", ".zip", ".bz2", ".xz", ".zst")
PARQUET_MARK = b"PAR1"

# Formats that are not read: how their content begins, in lower case without white space, and their name.
_FORMATS = {
    rb"%pdf": "a PDF document",
    rb"<!doctypehtml|<html": "an HTML page, perhaps a log-in page in place of the data",
    rb"<\?xml|<[a-z]+:": "XML",
    rb'\{("|\}|$)|\[[\[{"\d\-\]]': "JSON",
    rb"\xd0\xcf\x11\xe0": "an Excel workbook of an old version (xls)",
    rb"sqliteformat3\0": "an SQLite database",
    rb"arrow1\0": "an Arrow (Feather) file",
    rb"\x89hdf|cdf[\x01\x02\x05]": "an HDF5 or NetCDF file",
    rb"\x93numpy": "a NumPy array",
    rb"obj\x01": "an Avro file",
    rb"7z\xbc\xaf": "a 7z archive",
    rb"rar!": "a RAR archive",
}


def display_path(spec: FileSpec) -> Path:
    """The path of the file, relative to the working folder if the file is below it: short, and as it was typed."""
    path = Path(spec.paths[0])
    try:
        return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    except FileNotFoundError:  # the working folder was deleted
        return path


def series_name(path: Path) -> str:
    """The name of a file without its ending: sales for sales.csv and sales.csv.gz."""
    return Path(path.stem).stem if path.suffix in _COMPRESSED_SUFFIXES else path.stem


@contextlib.contextmanager
def open_file(path: Path, spec: FileSpec) -> Iterator[io.BufferedReader]:
    """The open content of the file, decompressed, which fits into the available memory.

    Raises:
        DataError: it cannot be read, or is of a format that is not read.
        MissingExtraError: a package that decompresses it is not installed.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise DataError(f"{path}: a pipe or a device, not a file; save the data as a file")
        _require_memory(path, status.st_size)
        with path.open("rb") as file:
            decompressed = _decompress(path, file)
            content = file if decompressed is None else _as_file(decompressed)
            _refuse_format(path, content.peek(_HEAD_BYTES)[:_HEAD_BYTES])
            yield content
    except FileNotFoundError:
        raise DataError(
            f"{spec.paths[0]}: no such file; correct data.path or use --set data.path=FILE"
        ) from None
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); data.path must name a CSV file"
        ) from None


def read_bytes(path: Path, spec: FileSpec) -> bytes:
    """The whole content; errors as in `open_file`."""
    with open_file(path, spec) as file:
        return file.read()


def _as_file(content: bytes) -> io.BufferedReader:
    return cast("io.BufferedReader", io.BufferedReader(io.BytesIO(content)))


def _require_memory(path: Path, size: int) -> None:
    memory.require(
        _MEMORY_FACTOR * size, f"{path}: reading {memory.format_bytes(size)}", hint="split the file"
    )


def _decompress(path: Path, file: io.BufferedReader) -> bytes | None:
    """The content of a compressed file; None if it is not compressed."""
    head = file.peek(8)
    known: dict[bytes, tuple[str, Callable[[], io.BufferedIOBase]]] = {
        b"\x1f\x8b": ("gzip", lambda: gzip.GzipFile(fileobj=file)),
        b"BZh": ("bzip2", lambda: bz2.BZ2File(file)),
        b"\xfd7zXZ\0": ("xz", lambda: lzma.LZMAFile(file)),  # noqa: SIM115 - closed when read
        b"\x28\xb5\x2f\xfd": ("zstd", lambda: _open_zstd(path, file)),
        b"PK\x03\x04": ("zip", lambda: _open_member(path, file)),
        b"PK\x05\x06": ("zip", lambda: _open_member(path, file)),
    }
    for mark, (name, open_stream) in known.items():
        if not head.startswith(mark):
            continue
        parts: list[bytes] = []
        try:
            with open_stream() as stream:
                while part := stream.read(_CHUNK_BYTES):
                    parts.append(part)
                    _require_memory(path, sum(map(len, parts)))
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
            raise DataError(
                f"{path}: a damaged {name} file ({error}); download or compress it again"
            ) from None
        except (RuntimeError, NotImplementedError) as error:  # a password, or an unusual method
            raise DataError(
                f"{path}: this {name} file cannot be decompressed ({error}); extract it first"
            ) from None
        return b"".join(parts)
    return None


def _open_member(path: Path, file: io.BufferedReader) -> io.BufferedIOBase:
    """The only file in a zip archive.

    Raises:
        DataError: it has several, or is a workbook.
    """
    archive = zipfile.ZipFile(file)
    names = [
        name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")
    ]
    if "xl/workbook.xml" in names or "xl/workbook.bin" in names:
        raise DataError(f"{path}: this is an Excel workbook; save its sheet as CSV")
    if "content.xml" in names and "mimetype" in names:
        raise DataError(f"{path}: this is an OpenDocument spreadsheet; save its sheet as CSV")
    if len(names) != 1:
        listed = f": {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}" if names else ""
        raise DataError(f"{path}: a zip archive with {len(names)} files{listed}; extract the one to read")
    return cast("io.BufferedIOBase", archive.open(names[0]))


def _open_zstd(path: Path, file: io.BufferedReader) -> io.BufferedIOBase:
    try:
        import pyarrow as pa
    except ImportError:
        raise MissingExtraError(
            f"{path}: zstd files need pyarrow; install it with: pip install 'rnnfc[parquet]', or decompress the file"
        ) from None
    stream: io.BufferedIOBase = pa.CompressedInputStream(pa.PythonFile(file), "zstd")
    return stream


def _refuse_format(path: Path, head: bytes) -> None:
    """Refuse content that is no table of text, by its first bytes."""
    start = re.sub(rb"[ \t\r\n]", b"", head.removeprefix(b"\xef\xbb\xbf")).lower()
    for pattern, name in _FORMATS.items():
        if re.match(pattern, start):
            raise DataError(
                f"{path}: this is {name}, and CSV and Parquet files are read; save the data as CSV"
            )
    if head[257:262] == b"ustar":
        raise DataError(f"{path}: this is a tar archive; extract the file to read")
