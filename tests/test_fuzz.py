"""Whatever bytes a config or a data file holds: they are read or refused with the tool's own error, soon and in little memory."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd  # noqa: F401  its import would count as the first input's time
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnfc.config.load import load
from rnnfc.data.load import load_panel
from rnnfc.data.sources.csv import CsvSpec
from rnnfc.errors import DataError, RnnfcError

ROOT = Path(__file__).parents[1]
# Inputs are small and take milliseconds. Seconds of processor time: what else the machine does must not count.
HANG_S, GIB = 2.0, 2**30

CONFIGS = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "configs").glob("*.yaml"))]
TABLES = [
    "day,sold,price\n" + "".join(f"2020-01-{n:02d},{n % 7}.5,{n}\n" for n in range(1, 13)),
    "day;sold;price\r\n" + "".join(f"{n};{n % 7},5;1.{n:03d}\r\n" for n in range(12)),
    '"day",sold,"price"\n' + "".join(f'2020-{n:02d}-28T09:30,"{n}",-1e{n}\n' for n in range(1, 13)),
]
YAML_BITS = [
    *"{}[]:,-#&*!|>'\"%@`?\\\n\t ~.=",
    ": ",
    "- ",
    "---\n",
    "<<: ",
    "&a ",
    "*a",
    "!!python/name:x ",
    "1e999",
    ".nan",
    "0x",
    "null",
]
YAML_BITS += [
    "\ufeff",
    "\0",
    "\x85",
    "\u2028",
    "\U0001f600",
    "9" * 500,
    "units: [3]",
    "data: {kind: csv}",
    "name:",
    "\ud800",
]
CSV_BITS = [
    *",;|\t\"'\n\r .-+=eE",
    "\r\n",
    '""',
    "NaN",
    "inf",
    "1e400",
    "True",
    "0x1",
    "1_0",
    "1,5",
    "2020-02-30",
    "2020-01-01",
]
CSV_BITS += [
    "2020-01-01T00:00+01:00",
    "24:00",
    "\ufeff",
    "\0",
    "\x85",
    "\u2028",
    "é",
    "9" * 400,
    "day",
    "sold",
    "price",
    "NA",
    "20200101",
]


@pytest.fixture(autouse=True)
def bounds() -> Iterator[None]:
    """An end to what hangs, and a look at the highest memory of the process."""

    def ring(*_: Any) -> None:
        raise TimeoutError(f"one input took more than {HANG_S:.0f} s")

    before, peak = signal.signal(signal.SIGVTALRM, ring), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) * 1024 < GIB


def read_or_refused(read: Callable[[], object]) -> bool:
    """Whether it was read; else it was refused in lines that say something. Anything else is an error of the tool."""
    signal.setitimer(signal.ITIMER_VIRTUAL, HANG_S)
    try:
        read()
    except RnnfcError as error:
        if error.exit_code != 2 or not all(0 < len(line) < 2000 for line in str(error).split("\n")):
            raise AssertionError(f"not what a user can read: {error!r:.3000}") from error
        return False
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return True


@st.composite
def mutated(draw: st.DrawFn, texts: list[str], bits: list[str]) -> str:
    """A valid text with a few parts cut, doubled or replaced."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(start + 12, len(text))))
        new = draw(st.sampled_from(["", text[start:end] * 2, *bits]))
        text = text[:start] + new + text[end:]
    return text


def soup(bits: list[str]) -> st.SearchStrategy[str]:
    return st.lists(st.one_of(st.sampled_from(bits), st.text(max_size=3)), max_size=60).map("".join)


def encoded(texts: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    return texts.map(lambda text: text.encode("utf-8", "surrogatepass"))


YAML = st.one_of(st.binary(max_size=300), encoded(soup(YAML_BITS)), encoded(mutated(CONFIGS, YAML_BITS)))
CSV = st.one_of(st.binary(max_size=300), encoded(soup(CSV_BITS)), encoded(mutated(TABLES, CSV_BITS)))


@given(content=YAML)
def test_load__any_config_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.yaml"
    path.write_bytes(content)
    read_or_refused(lambda: load(path))


@given(content=encoded(mutated(CONFIGS, YAML_BITS)))
def test_load__any_mutated_config_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.yaml"
    path.write_bytes(content)
    read_or_refused(lambda: load(path))


KEYS = [
    "name",
    "seed",
    "data",
    "data.path",
    "data.season",
    "window.length",
    "split.test",
    "model.units",
    "train.schedule",
    "x.y",
]


@given(
    overrides=st.lists(
        st.one_of(st.text(), st.builds("{}={}".format, st.sampled_from(KEYS), soup(YAML_BITS))), max_size=3
    )
)
def test_override__any_text_is_read_or_refused(overrides: list[str]) -> None:
    read_or_refused(lambda: load(ROOT / "configs/sine.yaml", overrides))


SPECS = st.fixed_dictionaries(
    {"target": st.sampled_from([("sold",), ("sold", "price")])},
    optional={
        "time": st.just("day"),
        "missing": st.sampled_from(["interpolate", "ffill"]),
        "separator": st.sampled_from([";", "\t", "|", " ", "."]),
        "decimal": st.just(","),
        "encoding": st.sampled_from(["latin-1", "cp1252", "utf-16"]),
    },
)


def read_table(path: Path, keys: dict[str, Any]) -> bool:
    separator = {"separator": ";"} if keys.get("decimal", ".") == keys.get("separator", ",") else {}
    spec = CsvSpec.model_validate({"kind": "csv", "path": str(path), **keys, **separator})
    return read_or_refused(lambda: load_panel(spec))


@given(content=CSV, keys=SPECS)
def test_load_panel__any_table_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, keys: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.csv"
    path.write_bytes(content)
    read_table(path, keys)


@given(
    content=encoded(mutated(TABLES[::2], CSV_BITS)),
    time=st.booleans(),
    missing=st.sampled_from(["error", "interpolate"]),
)
def test_load_panel__any_mutated_table_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, time: bool, missing: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.csv"
    path.write_bytes(content)
    read_table(path, {"target": ("sold",), "missing": missing, **({"time": "day"} if time else {})})


def test_fuzz__starts_from_valid_files_and_finds_foreign_errors(tmp_path: Path) -> None:
    for place, text in enumerate(TABLES):
        (tmp_path / "rows.csv").write_bytes(text.encode())
        keys: dict[str, Any] = {"target": ("sold",), "time": "day"}
        assert read_table(
            tmp_path / "rows.csv", {**keys, **({"separator": ";", "decimal": ","} if place == 1 else {})}
        )
    with pytest.raises(ZeroDivisionError):
        read_or_refused(lambda: 1 / 0)
    with pytest.raises(AssertionError):
        read_or_refused(lambda: (_ for _ in ()).throw(DataError("")))


# Small files that mean to become large, each in a process that may take 1 GiB more than it has when all is imported.
GREEDY = textwrap.dedent(
    """
    import resource, sys, pandas
    from pathlib import Path
    from rnnfc.config.load import load
    from rnnfc.data.sources.csv import CsvSpec
    from rnnfc.data.load import load_panel
    from rnnfc.errors import RnnfcError

    load_panel(CsvSpec(kind="csv", path=sys.argv[2], target=("sold",)))
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + 2**30, size + 2**30))
    for name in sys.argv[3:]:
        path = Path(sys.argv[1], name)
        try:
            if path.suffix == ".yaml":
                load(path)
            else:
                load_panel(CsvSpec(kind="csv", path=str(path), target=("sold",), missing="ffill"))
        except RnnfcError:
            print(name)
    """
)
MEGABYTE = 2**20
LARGE = {
    "brackets.yaml": "[" * (MEGABYTE - 10**5),
    "flat.yaml": "a: [" + "1," * 400_000 + "]",
    "keys.yaml": "".join(f"k{n}: 1\n" for n in range(90_000)),
    "quotes.yaml": "name: '" + "''" * 400_000 + "'",
    "anchors.yaml": "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" if n else "a0: &a0 [1]\n" for n in range(40)
    ),
    "long.yaml": "name: " + "x" * 3 * MEGABYTE,
    "separators.csv": "sold" + "," * 5 * MEGABYTE,
    "columns.csv": "sold," + ",".join(f"c{n}" for n in range(50_000)) + "\n" + "1," * 50_000 + "1\n" + "1\n",
    "quotes.csv": 'sold\n"' + '""' * 2 * MEGABYTE,
    "lines.csv": "sold\n" + '"\n' * 2 * MEGABYTE,
    "field.csv": "sold\n1\n2\n" + "x" * 10 * MEGABYTE + "\n",
    "blank.csv": "sold\n1\n" + "\n" * 5 * MEGABYTE + "2\n",
}


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux how large the process is")
def test_load_panel__files_that_grow_when_read_stay_below_a_gibibyte(tmp_path: Path) -> None:
    for name, content in LARGE.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "good.csv").write_text("sold\n1\n2\n3\n")
    command = [sys.executable, "-c", GREEDY, tmp_path, tmp_path / "good.csv", *LARGE]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert (done.stdout.split(), done.stderr) == (list(LARGE), "")
