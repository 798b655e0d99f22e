"""Every command of the README works, and prints what the README shows."""

import hashlib
import json
import re
import shlex
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rnnfc.workflows.export import ENDINGS

Command = Callable[..., Any]
ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(console|sh|python)\n(.*?)```", README, flags=re.DOTALL)
(SALES,) = re.findall(r"```yaml\n(name: sales\n.*?)```", README, flags=re.DOTALL)
WINDOW, *EXAMPLES = [block for kind, block in BLOCKS if kind == "python"]
SHELL_LINES = [
    line.split("#")[0].strip() for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()
]


def shape(text: str) -> list[str]:
    """Lines without their numbers, which may differ in the last digits elsewhere, and without the width of columns."""
    return [" ".join(re.sub(r"-?\d[\d.,:e+-]*", "#", line).split()) for line in text.splitlines()]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like a fresh checkout, shared by the commands in the order of the README."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "configs", folder / "configs")
    (folder / "sales.yaml").write_text(SALES)
    days = np.arange(300)
    rows = zip(np.datetime64("2024-01-01") + days, 20 + 5 * np.sin(2 * np.pi * days / 7), strict=True)
    (folder / "sales.csv").write_text("date,sales\n" + "".join(f"{day},{sales:.2f}\n" for day, sales in rows))
    return folder


@pytest.mark.parametrize(
    "block", [block for kind, block in BLOCKS if kind == "console"], ids=lambda block: block.splitlines()[0]
)
def test_daily_commands_print_what_the_readme_shows(
    rnnfc: Command, workplace: Path, monkeypatch: pytest.MonkeyPatch, block: str
) -> None:
    monkeypatch.chdir(workplace)
    command, _, shown = block.partition("\n")
    done = rnnfc(*shlex.split(command.removeprefix("$ rnnfc ")))
    assert done.code == 0, done.err
    told = [
        text
        for text in shape(done.err + done.out)
        if not re.fullmatch(r"training epoch #/?#? · loss #( · validation #)?", text)
    ]
    assert sorted(told) == sorted(shape(shown))  # lines of progress come on a slow machine only


@pytest.mark.parametrize("line", [line for line in SHELL_LINES if line.startswith("rnnfc ")])
def test_every_other_command_works(
    rnnfc: Command, workplace: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.chdir(workplace)
    done = rnnfc(*shlex.split(line)[1:])
    assert done.code == 0, done.err


@pytest.mark.filterwarnings(r"ignore:\s*Warning. tf\.lite\.Interpreter is deprecated:UserWarning")
@pytest.mark.parametrize("block", EXAMPLES, ids=lambda block: block.splitlines()[0])
def test_plain_python_runs_what_was_exported(
    rnnfc: Command, workplace: Path, monkeypatch: pytest.MonkeyPatch, block: str
) -> None:
    monkeypatch.chdir(workplace)
    expected = json.loads(rnnfc("predict", "sine", "--json").out)["forecast"][0]["value"]["sine"]
    names: dict[str, Any] = {}
    exec(compile(WINDOW + block, "README.md", "exec"), names)  # noqa: S102  what the page tells people to run
    forecast = np.asarray(names["forecast"])
    assert forecast.shape == (1, 1, 1)
    assert forecast.item() == pytest.approx(expected, abs=1e-6)


def test_every_format_has_its_command_and_its_few_lines() -> None:
    exported = [line.split() for line in SHELL_LINES if line.startswith("rnnfc export ")]
    assert [words[words.index("--format") + 1] for words in exported] == list(ENDINGS)
    assert all(f'"{words[-1]}"' in block for words, block in zip(exported, EXAMPLES, strict=True))
    assert all(len(block.split("\n\n")[1].splitlines()) <= 6 for block in EXAMPLES)


def test_every_make_command_is_a_target_and_ci_runs_the_two_of_the_setup() -> None:
    named = set(re.findall(r"(?:`|^)make (\w+)", README, flags=re.MULTILINE))
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert {"train", "test"} <= named <= targets
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert {"make train", "make test"} <= set(ci)
    assert all(line.startswith(("rnnfc ", "make ")) for line in SHELL_LINES if line)


def test_pictures_are_small_pngs() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert len(pictures) == 4
    for name in pictures:
        assert (ROOT / name).stat().st_size < 60_000
        with Image.open(ROOT / name) as picture:
            assert picture.size == (900, 440)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_series_are_the_ones_their_readme_describes() -> None:
    described = (ROOT / "configs/data/README.md").read_text(encoding="utf-8")
    files = sorted((ROOT / "configs/data").glob("*.csv"))
    assert len(files) == 4
    for path in files:
        assert hashlib.sha256(path.read_bytes()).hexdigest() in described


def test_the_top_level_holds_what_it_should() -> None:
    ignored = {
        "shared",
        ".git",
        *(line.strip("/*") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()),
    }
    expected = {"pyproject.toml", "configs", "src", "scripts", "tests", "outputs", "Makefile", "README.md"}
    found = {
        path.name for path in ROOT.iterdir() if not path.name.startswith(".coverage")
    }  # of each process that is measured
    assert found - ignored - {"outputs"} == (
        (expected | {"LICENSE", "requirements.lock", ".gitignore", ".ci"}) - {"outputs"}
    )
    assert (ROOT / "outputs/.gitkeep").exists()


def test_the_lock_has_hashes_for_every_dependency_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    assert "index-url" not in lock
    pins = re.findall(r"^([A-Za-z0-9_.-]+)==\S+", lock, flags=re.MULTILINE)
    assert lock.count("--hash=sha256:") >= len(pins)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=~!\[ ;]", requirement)[0].lower().replace("_", "-") for requirement in wanted}
    assert names <= {pin.lower().replace("_", "-") for pin in pins}
