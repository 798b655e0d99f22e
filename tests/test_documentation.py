"""Every command and example of README.md and docs/ works and prints what the page shows."""

import hashlib
import json
import re
import shlex
import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import yaml
from PIL import Image

from rnnfc import extensions
from rnnfc.cli import COMMANDS
from rnnfc.config.load import from_yaml, load, schema, starter
from rnnfc.errors import ConfigError
from rnnfc.extensions import CELLS, EXPORT_FORMATS, LOSSES, OPTIMIZERS, load_record

Command = Callable[..., Any]
ROOT = Path(__file__).parents[1]
# In the order in which their commands run: a page uses the runs of the pages before it.
PAGES = [
    "README.md",
    *(
        f"docs/{name}.md"
        for name in ("data", "models", "training", "evaluation", "production", "python", "extending")
    ),
]
OTHERS = [
    f"docs/{name}.md" for name in ("internals", "accuracy", "speed", "glossary", "contributing", "changelog")
]
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in PAGES + OTHERS}


class Block(NamedTuple):
    """One fenced block of a page; kind is its language."""

    page: str
    kind: str
    text: str


BLOCKS = [
    Block(page, kind, text)
    for page, content in TEXTS.items()
    for kind, text in re.findall(r"^```(\w*)\n(.*?)^```", content, flags=re.DOTALL | re.MULTILINE)
]


def steps() -> Iterator[Block]:
    """Console blocks, the single lines of shell blocks and Python blocks, in the order of the pages."""
    for block in BLOCKS:
        if block.kind == "sh":
            lines = (line.split("#")[0].strip() for line in block.text.splitlines())
            yield from (block._replace(text=line) for line in lines if line.startswith("rnnfc "))
        elif block.kind == "console" or (block.kind == "python" and block.page != "docs/production.md"):
            yield block


def find_block(page: str, start: str) -> str:
    """The one block of a page that begins so."""
    (text,) = (block.text for block in BLOCKS if block.page == page and block.text.startswith(start))
    return text


SALES = find_block("README.md", "name: sales\n")
WINDOW, *EXPORT_EXAMPLES = [block.text for block in BLOCKS if block[:2] == ("docs/production.md", "python")]
CODE_SPANS = [
    (page, span)
    for page, text in TEXTS.items()
    for span in re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
]


def without_numbers(text: str) -> list[str]:
    """Lines without their numbers, whose last digits may differ elsewhere, and without the width of columns."""
    return [" ".join(re.sub(r"-?\d[\d.,:e+-]*", "#", line).split()) for line in text.splitlines()]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like a fresh checkout, shared by all commands."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "configs", folder / "configs")
    (folder / "sales.yaml").write_text(SALES)
    for name, num_days in (("sales", 300), ("grown", 330)):
        days = np.arange(num_days)
        rows = zip(np.datetime64("2024-01-01") + days, 20 + 5 * np.sin(2 * np.pi * days / 7), strict=True)
        text = "".join(f"{day},{sales:.2f}\n" for day, sales in rows)
        (folder / f"{name}.csv").write_text(f"date,sales\n{text}")
    return folder


@pytest.fixture(scope="module")
def namespaces() -> dict[str, dict[str, Any]]:
    """Variables of the Python examples, by page: an example uses those of the blocks above it."""
    return {page: {} for page in PAGES}


@pytest.mark.parametrize("step", list(steps()), ids=lambda step: f"{step.page}: {step.text.splitlines()[0]}")
def test_page__commands_and_examples_work_and_print_what_is_shown(
    rnnfc: Command,
    checkout: Path,
    namespaces: dict[str, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    step: Block,
) -> None:
    monkeypatch.chdir(checkout)
    if step.kind == "python":
        exec(compile(step.text, step.page, "exec"), namespaces[step.page])  # noqa: S102  the page says so
        out, err = capfd.readouterr()
        assert ("print(" in step.text, err) == (bool(out), "")
        return
    command, _, expected = step.text.partition("\n")
    outcome = rnnfc(*shlex.split(command.removeprefix("$ "))[1:])
    assert outcome.code == 0, outcome.err
    if step.kind == "console":
        progress = r"training epoch #/?#? · loss #( · validation #)?"  # printed on a slow machine only
        lines = without_numbers(outcome.err + outcome.out)
        shown = [line for line in lines if not re.fullmatch(progress, line)]
        assert sorted(shown) == sorted(without_numbers(expected))


@pytest.mark.filterwarnings(r"ignore:\s*Warning. tf\.lite\.Interpreter is deprecated:UserWarning")
@pytest.mark.parametrize("block", EXPORT_EXAMPLES, ids=lambda block: block.splitlines()[0])
def test_export_example__forecasts_what_predict_does(
    rnnfc: Command, checkout: Path, monkeypatch: pytest.MonkeyPatch, block: str
) -> None:
    monkeypatch.chdir(checkout)
    expected = json.loads(rnnfc("predict", "sine", "--json").out)["forecast"][0]["value"]["sine"]
    names: dict[str, Any] = {}
    exec(compile(WINDOW + block, "production.md", "exec"), names)  # noqa: S102  the page says so
    forecast = np.asarray(names["forecast"])
    assert forecast.shape == (1, 1, 1)
    assert forecast.item() == pytest.approx(expected, abs=1e-6)


def test_export_examples__cover_every_format_in_at_most_six_lines() -> None:
    exported = [step.text.split() for step in steps() if step.text.startswith("rnnfc export ")]
    assert [words[words.index("--format") + 1] for words in exported] == list(EXPORT_FORMATS)
    assert all(f'"{words[-1]}"' in block for words, block in zip(exported, EXPORT_EXAMPLES, strict=True))
    assert all(len(block.split("\n\n")[1].splitlines()) <= 6 for block in EXPORT_EXAMPLES)


def test_command_in_a_sentence__exists_with_its_options(rnnfc: Command) -> None:
    spans = [span for _, span in CODE_SPANS if span.startswith("rnnfc ")]
    spans += [
        line
        for block in BLOCKS
        if block.kind == ""
        for line in block.text.splitlines()
        if line.startswith("rnnfc ")
    ]
    commands = {span.split()[1] for span in spans if not span.startswith("rnnfc --")}
    options = {name: set(re.findall(r"--[a-z-]+", rnnfc(name, "--help").out)) for name in commands}
    assert commands == set(COMMANDS)
    for span in spans:
        if not span.startswith("rnnfc --"):
            assert set(re.findall(r"--[a-z-]+", span)) <= options[span.split()[1]], span


def test_make_command__is_a_target_and_ci_runs_the_two_of_the_setup() -> None:
    named = {
        name
        for text in TEXTS.values()
        for name in re.findall(r"(?:`|^)make ([\w-]+)", text, flags=re.MULTILINE)
    }
    targets = set(
        re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    assert named <= targets
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    for command in ("make train", "make test"):
        assert command in find_block("README.md", "make train")
        assert command in ci


def test_yaml_block__is_a_valid_part_of_an_experiment(tmp_path: Path) -> None:
    base = yaml.safe_load(SALES)
    blocks = [block for block in BLOCKS if block.kind == "yaml"]
    assert len(blocks) >= 4
    for block in blocks:
        text = yaml.safe_dump({**base, **yaml.safe_load(block.text)})
        path = tmp_path / "experiment.yaml"
        path.write_text(text, encoding="utf-8")
        load(path)


def schema_keys(node: Any) -> Iterator[str]:
    """Names of all properties in a JSON Schema."""
    if isinstance(node, dict):
        yield from node.get("properties", {})
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from schema_keys(value)


def test_key_and_extension__is_documented() -> None:
    spans = [span for _, span in CODE_SPANS] + [block.text for block in BLOCKS if block.kind == "yaml"]
    words = set(re.findall(r"\w+", " ".join(spans)))
    names = {name for title, table in vars(extensions).items() if title.isupper() for name in table}
    assert len(names) >= 7
    assert {*schema_keys(json.loads(schema())), *names} - words == set()


def test_readme__shows_the_errors_of_a_config_and_names_every_cell_that_is_documented() -> None:
    text = starter("mine").replace("  length: 24 ", "  lenght: 24 ").replace("  cell: GRU ", "  cell: lstm ")
    with pytest.raises(ConfigError) as refused:
        from_yaml(text, source="mine.yaml")
    shown = find_block("README.md", "error: mine.yaml:").splitlines()
    printed = [f"error: {line}" for line in str(refused.value).splitlines()]
    assert [line for line in shown if line not in printed] == []
    cells = TEXTS["README.md"].partition("**Networks:**")[2].partition(" cells in ")[0]
    assert set(re.findall(r"\w+", cells)) - {"and"} == set(CELLS), "README.md lists the cells under Networks"


def test_comment_in_a_config__lists_the_names_that_are_documented() -> None:
    point_losses = [name for name in LOSSES if not load_record(LOSSES, name).needs_levels]
    expected = [
        ("starter.yaml", starter("mine"), {"cell": CELLS, "optimizer": OPTIMIZERS, "loss": point_losses}),
        ("docs/training.md", TEXTS["docs/training.md"], {"optimizer": OPTIMIZERS, "loss": LOSSES}),
    ]
    for page, text, lists in expected:
        for key, names in lists.items():
            assert re.search(
                rf"^  {key}: \w+ *# {re.escape(' | '.join(names))}$", text, flags=re.MULTILINE
            ), f"{page}: the comment of {key} lists {', '.join(names)}"


def test_link__leads_to_a_file_and_a_heading() -> None:
    def anchors(path: Path) -> set[str]:
        headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}

    for page, text in TEXTS.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            name, _, anchor = target.partition("#")
            path = (ROOT / page).parent / name if name else ROOT / page
            assert path.exists(), f"{page}: {target}"
            assert not anchor or anchor in anchors(path), f"{page}: {target}"


def test_readme__links_to_every_page_and_is_short() -> None:
    linked = set(re.findall(r"\(docs/(\w+)\.md\)", TEXTS["README.md"]))
    assert (
        linked
        == {path.stem for path in (ROOT / "docs").glob("*.md")}
        == {Path(name).stem for name in TEXTS} - {"README"}
    )
    assert len(TEXTS["README.md"].splitlines()) <= 210


def test_pictures__are_small_pngs() -> None:
    pictures = {
        (ROOT / page).parent / name
        for page, text in TEXTS.items()
        for name in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    }
    assert {path.name for path in pictures} == {path.name for path in (ROOT / "scripts/pictures").iterdir()}
    for path in pictures:
        assert path.stat().st_size < 60_000
        with Image.open(path) as picture:
            assert picture.size == (900, 440)


def test_series__are_those_of_their_readme() -> None:
    described = (ROOT / "configs/data/README.md").read_text(encoding="utf-8")
    files = sorted((ROOT / "configs/data").glob("*.csv"))
    assert len(files) == 4
    for path in files:
        assert hashlib.sha256(path.read_bytes()).hexdigest() in described


def test_top_level__has_no_other_files() -> None:
    ignored = {
        "shared",
        ".git",
        *(line.strip("/*") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()),
    }
    expected = {
        "pyproject.toml",
        "configs",
        "src",
        "scripts",
        "tests",
        "outputs",
        "Makefile",
        "README.md",
        "docs",
        "findings",
    }
    found = {
        path.name for path in ROOT.iterdir() if not path.name.startswith(".coverage")
    }  # of each process that is measured
    assert found - ignored - {"outputs"} == (
        (expected | {"LICENSE", "requirements.lock", ".gitignore", ".ci"}) - {"outputs"}
    )
    assert (ROOT / "outputs/.gitkeep").exists()


def test_lock__has_hashes_for_every_dependency_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    assert "index-url" not in lock
    pins = re.findall(r"^([A-Za-z0-9_.-]+)==\S+", lock, flags=re.MULTILINE)
    assert lock.count("--hash=sha256:") >= len(pins)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=~!\[ ;]", requirement)[0].lower().replace("_", "-") for requirement in wanted}
    assert names <= {pin.lower().replace("_", "-") for pin in pins}
