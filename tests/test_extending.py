"""docs/extending.md is right: each addition is one new file and one line, and nothing else depends on it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/extending.md").read_text(encoding="utf-8")


class Addition(NamedTuple):
    """A section of the page: the shown lines of the new file, the line of the table, and a command that needs them."""

    title: str
    table: str
    file: str
    shown: list[str]
    line: str
    command: str


def additions() -> list[Addition]:
    """The sections of the page with a diff."""
    found = []
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        title = section.splitlines()[0]
        parts = re.search(
            r"```diff\n--- a/(?P<table>[^\n]*)\n\+\+\+ b/(?P=table)\n [^\n]*\n\+(?P<line>[^\n]*)\n"
            r"--- /dev/null\n\+\+\+ b/(?P<file>[^\n]*)\n(?P<shown>.*?)```",
            section,
            flags=re.DOTALL,
        )
        assert parts, title
        shown = [line.removeprefix("+") for line in parts["shown"].splitlines()]
        command = re.search(r"```sh\n(.*)\n", section)
        found.append(
            Addition(
                title, parts["table"], parts["file"], shown, parts["line"], command[1] if command else ""
            )
        )
    return found


ADDITIONS = additions()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package and of the configs, to be changed."""
    shutil.copytree(
        ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    return tmp_path


def run(package: Path, command: str) -> subprocess.CompletedProcess[str]:
    """The command with the package of this folder."""
    environment = {**os.environ, "PYTHONPATH": str(package / "src"), "RNNFC_XLA_CACHE": "off"}
    arguments = [argument.strip("'") for argument in re.findall(r"'[^']*'|\S+", command)[1:]]
    words = [sys.executable, "-m", "rnnfc", *arguments]
    return subprocess.run(words, cwd=package, env=environment, capture_output=True, text=True, check=False)


def test_extending__has_a_section_for_each_kind_of_addition() -> None:
    assert [addition.title for addition in ADDITIONS] == [
        f"Add a {kind}" for kind in ("cell", "family", "metric", "loss", "data source", "command")
    ]
    assert {addition.table for addition in ADDITIONS[:-1]} == {"src/rnnfc/extensions.py"}


def code_lines(text: str) -> list[str]:
    """Lines without docstrings and comments, whose words may change."""
    code = re.sub(r"\s*#.*", "", re.sub(r'""".*?"""', "", text, flags=re.DOTALL))
    return [line for line in code.splitlines() if line.strip()]


@pytest.mark.parametrize("addition", ADDITIONS, ids=lambda addition: addition.title)
def test_addition__shows_the_code_of_the_file(addition: Addition) -> None:
    lines = iter(code_lines((ROOT / addition.file).read_text(encoding="utf-8")))
    missing = [line for line in code_lines("\n".join(addition.shown)) if line not in lines]  # in order
    assert missing == []


@pytest.mark.parametrize("addition", ADDITIONS, ids=lambda addition: addition.title)
def test_addition__is_one_file_and_one_line(package: Path, addition: Addition) -> None:
    tables, file = (package / path for path in (addition.table, addition.file))
    command = addition.command or "rnnfc train configs/sine_scratch.yaml --set train.epochs=1 --json"
    name = addition.line.split('"')[1]
    with_record, record = tables.read_text(encoding="utf-8"), file.read_text(encoding="utf-8")
    assert with_record.count(f"{addition.line}\n") == 1
    tables.write_text(with_record.replace(f"{addition.line}\n", ""), encoding="utf-8")
    file.unlink()
    before = run(package, command)
    if addition.command:
        assert (before.returncode, before.stdout) == (2, ""), before.stderr
        assert f"'{name}'" in before.stderr
        other = run(package, "rnnfc check configs/airline.yaml")
        assert other.returncode == 0, other.stderr
    else:
        assert before.returncode == 0, before.stderr
        assert f'"{name}"' not in before.stdout
    file.write_text(record, encoding="utf-8")
    tables.write_text(with_record, encoding="utf-8")
    after = run(package, command)
    assert after.returncode == 0, after.stderr
    assert name in after.stdout
