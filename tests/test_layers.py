"""The shape of the source: which package may import which, what stays out, what may write. Files are parsed, none is run."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from rnnfc import extensions

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
FILES = sorted(SOURCE.rglob("*.py"))

# Highest first: a package imports from its own level and those below.
LEVELS = (
    ("rnnfc.__main__", "rnnfc.api"),
    ("rnnfc.cli",),
    ("rnnfc.workflows",),
    (
        "rnnfc.networks",
        "rnnfc.training",
        "rnnfc.numpy_rnn",
        "rnnfc.export",
        "rnnfc.baselines",
        "rnnfc.evaluation",
        "rnnfc.reports",
        "rnnfc.runs",
    ),
    ("rnnfc.data",),
    ("rnnfc.memory",),
    ("rnnfc.config",),
    ("rnnfc.extensions",),
    ("rnnfc.errors", "rnnfc.plain"),
)
MAY_IMPORT_TENSORFLOW = ("rnnfc.networks", "rnnfc.training", "rnnfc.export")
HEAVY = {"tensorflow", "keras", "numpy", "pandas", "matplotlib", "sklearn", "pydantic"}
# Imports by name, which no parser sees: records, and what the public API loads when it is first used.
MAY_IMPORT_BY_NAME = {"rnnfc", "rnnfc.cli", "rnnfc.extensions"}
TABLES = [table for name, table in vars(extensions).items() if name.isupper()]


def name_of(path: Path) -> str:
    """rnnfc.data.panel for src/rnnfc/data/panel.py, rnnfc.data for its __init__.py."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): ast.parse(path.read_text(encoding="utf-8"), filename=str(path)) for path in FILES}


def is_inside(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def package_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def level(module: str) -> int:
    """0 is the highest."""
    (place,) = [place for place, packages in enumerate(LEVELS) if is_inside(module, packages)]
    return place


def imports(tree: ast.Module) -> set[str]:
    """Every module that is imported anywhere, in functions too; `from a import b` is a.b where that is a module, else a."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import"
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in MODULES else str(node.module) for name in full}
    return names


def upward_imports(module: str, tree: ast.Module) -> set[str]:
    """Modules of ours that `module` imports from a higher level; everyone may import the package itself."""
    ours = {name for name in imports(tree) if is_inside(name, ("rnnfc",)) and name != "rnnfc"}
    return {name for name in ours if module != "rnnfc" and level(name) < level(module)}


def modules_with(names: dict[str, set[str]]) -> dict[str, set[str]]:
    """Without the modules that have none, so that a failed comparison shows the others alone."""
    return {module: found for module, found in names.items() if found}


def test_imports__point_downwards() -> None:
    assert modules_with({module: upward_imports(module, tree) for module, tree in MODULES.items()}) == {}


@pytest.mark.parametrize(
    ("module", "text", "expected"),
    [
        ("rnnfc.data.panel", "from rnnfc.reports import plots", {"rnnfc.reports.plots"}),
        (
            "rnnfc.runs.run",
            "def f():\n    from rnnfc.workflows.train import train",
            {"rnnfc.workflows.train"},
        ),
        ("rnnfc.config.experiment", "import rnnfc.errors\nimport rnnfc.data.panel", {"rnnfc.data.panel"}),
        ("rnnfc.workflows.train", "from rnnfc.cli.output import show_note", {"rnnfc.cli.output"}),
        ("rnnfc.workflows.train", "from rnnfc.cli import app", {"rnnfc.cli"}),
        ("rnnfc.training.keras_engine", "from rnnfc.networks.build import build", set()),
        ("rnnfc.evaluation.metrics", "import numpy\nfrom rnnfc.runs.run import Run", set()),
    ],
)
def test_imports__an_upward_one_is_found_anywhere(module: str, text: str, expected: set[str]) -> None:
    assert upward_imports(module, ast.parse(text)) == expected


@pytest.mark.parametrize("whole", [package_of, str], ids=["packages", "modules"])
def test_imports__have_no_cycle(whole: type) -> None:
    graph: dict[str, set[str]] = {}
    for module, tree in MODULES.items():
        if module != "rnnfc":
            needed = {whole(name) for name in imports(tree) & set(MODULES)}
            graph.setdefault(whole(module), set()).update(needed - {whole(module), "rnnfc"})
    order = [*TopologicalSorter(graph).static_order()]  # a cycle is an error that names it
    assert order.index("rnnfc.cli") < order.index("rnnfc.__main__")


def test_imports__tensorflow_stays_in_networks_training_and_export() -> None:
    backends = ("tensorflow", "keras", "tf2onnx")
    users = {module for module, tree in MODULES.items() if any(is_inside(n, backends) for n in imports(tree))}
    assert {module for module in users if not is_inside(module, MAY_IMPORT_TENSORFLOW)} == set()


def test_imports__are_by_name_for_records_alone() -> None:
    names = ("importlib.import_module", "import_module", "pkgutil.resolve_name")
    by_name = {
        module
        for module, tree in MODULES.items()
        if any(isinstance(node, ast.Call) and ast.unparse(node.func) in names for node in ast.walk(tree))
    }
    assert by_name - MAY_IMPORT_BY_NAME == set()


def run_python(code: str) -> str:
    """What a fresh interpreter prints."""
    call = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("module", ["rnnfc", "rnnfc.cli"])
def test_start__imports_nothing_heavy(module: str) -> None:
    names = run_python(
        f"import {module}, sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    ).split()
    assert set(names) & HEAVY == set()


BLOCKED = "import sys\nsys.modules.update(tensorflow=None, keras=None)\n"


def test_start__records_and_other_packages_need_no_tensorflow() -> None:
    modules = [
        name for name in MODULES if name != "rnnfc.__main__" and not is_inside(name, MAY_IMPORT_TENSORFLOW)
    ]
    records = [f"load_record({table!r}, {name!r})" for table in TABLES for name in table]
    lines = [*(f"import {name}" for name in modules), "from rnnfc.extensions import load_record", *records]
    run_python(BLOCKED + "\n".join(lines))


CHECK_ALL = """
from rnnfc.cli import main
for path in {paths}:
    try:
        main(["check", path])
    except SystemExit as end:
        assert not end.code, path
"""


def test_start__check_sizes_every_shipped_network_without_tensorflow() -> None:
    paths = sorted(map(str, (ROOT / "configs").glob("*.yaml")))
    assert run_python(BLOCKED + CHECK_ALL.format(paths=paths)).count(" parameters, ") == len(paths) > 5


# --- nothing that runs what it reads

UNSAFE_MODULES = ("pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve")
MAY_CALL = {
    "rnnfc.export.keras": {"keras.saving.load_model"},  # a file that has just been written, to check it
    "rnnfc.cli.signals": {"exec"},  # of the empty text, for a flag in CPython
}
UNSAFE_NAMES = {"eval", "exec", "compile", "__import__"}
UNSAFE_METHODS = {
    *(
        "yaml.load",
        "yaml.load_all",
        "yaml.unsafe_load",
        "yaml.unsafe_load_all",
        "yaml.full_load",
        "yaml.full_load_all",
    ),
    *("keras.models.load_model", "keras.saving.load_model", "os.system", "os.popen"),
}
SAFE_LOADERS = {"yaml.SafeLoader", "yaml.CSafeLoader"}


def unsafe(tree: ast.Module) -> Iterator[str]:
    """What would run code out of a file, as it stands in the source."""
    yield from sorted(name for name in imports(tree) if is_inside(name, UNSAFE_MODULES))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (
                f"{node.module}.{alias.name}"
                for alias in node.names
                if f"{node.module}.{alias.name}" in UNSAFE_METHODS
            )
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if called in UNSAFE_METHODS or called in UNSAFE_NAMES or called.endswith("load_model"):
            yield called
        if called in ("np.load", "numpy.load") and keywords.get("allow_pickle") != "False":
            yield f"{called} without allow_pickle=False"
        if keywords.get("allow_pickle", "False") != "False":
            yield f"allow_pickle={keywords['allow_pickle']}"
        if called.startswith("yaml.") and keywords.get("Loader", "yaml.SafeLoader") not in SAFE_LOADERS:
            yield f"Loader={keywords['Loader']}"
        if keywords.get("shell", "False") != "False":
            yield f"shell={keywords['shell']}"


def test_reading__runs_nothing_from_a_file() -> None:
    calls = {module: set(unsafe(tree)) - MAY_CALL.get(module, set()) for module, tree in MODULES.items()}
    assert modules_with(calls) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import pickle", ["pickle"]),
        ("def f():\n    from joblib import load", ["joblib"]),
        ("import pickle.whatever as harmless", ["pickle.whatever"]),
        ("x = eval(text)", ["eval"]),
        ("exec(text)", ["exec"]),
        ("compile(text, '', 'exec')", ["compile"]),
        ("yaml.load(text)", ["yaml.load"]),
        ("from yaml import load", ["yaml.load"]),
        ("yaml.compose(text, Loader=yaml.Loader)", ["Loader=yaml.Loader"]),
        ("np.load(path)", ["np.load without allow_pickle=False"]),
        ("np.load(path, allow_pickle=True)", ["np.load without allow_pickle=False", "allow_pickle=True"]),
        ("NpzFile(path, allow_pickle=flag)", ["allow_pickle=flag"]),
        ("keras.saving.load_model(path)", ["keras.saving.load_model"]),
        ("subprocess.run(text, shell=True)", ["shell=True"]),
        (
            "re.compile(text)\nyaml.compose(text, Loader=yaml.SafeLoader)\nnp.load(path, allow_pickle=False)",
            [],
        ),
    ],
)
def test_reading__an_unsafe_call_is_found(text: str, expected: list[str]) -> None:
    assert list(unsafe(ast.parse(text))) == expected


LINTED = {
    "import pickle": "TID251",
    "from joblib import load": "TID251",
    "import dill as harmless": "TID251",
    "import cloudpickle": "TID251",
    "import marshal": "TID251",
    "from shelve import open": "TID251",
    "import pandas as pd\npd.read_pickle('x')": "S301",
    "exec('x')": "S102",
    "eval('x')": "S307",
    "import yaml\nyaml.load('x', Loader=yaml.Loader)": "S506",
    "import os\nos.system('x' + os.sep)": "S605",
}


@pytest.mark.parametrize("place", ["src/rnnfc/x.py", "tests/x.py", "scripts/x.py"])
def test_reading__lint_refuses_what_would_run(place: str) -> None:
    name = f"--stdin-filename={ROOT / place}"
    ruff = [sys.executable, "-m", "ruff", "check", "--output-format=concise", name, "-"]
    text = "\n".join(LINTED)
    done = subprocess.run(ruff, input=text, capture_output=True, text=True, check=False)
    for statement, rule in LINTED.items():
        line = text[: text.index(statement) + len(statement)].count("\n") + 1
        assert re.search(rf":{line}:\d+: {rule} ", done.stdout), statement


# --- one way to the disk

WRITES = {
    "write_text",
    "write_bytes",
    "savez",
    "save",
    "savefig",
    "touch",
    "mkdir",
    "rename",
    "hardlink_to",
    "symlink_to",
}
WRITING_MODE = r"^(mode=)?'[rbt]*[wax+][rbt+]*'$|O_CREAT"
# All others write through `runs.writer`, which syncs a file before it has its name.
MAY_WRITE = {
    "rnnfc.runs.writer",
    "rnnfc.runs.tags",  # into a place of `atomic_write`
    "rnnfc.runs.removal",  # removes what `RunWriter` wrote
    "rnnfc.cli.commands.init",  # into a place of `atomic_write`, as `workflows.export` and `workflows.predict` do
    "rnnfc.export.onnx",
    "rnnfc.export.savedmodel",
    "rnnfc.export.litert",
    "rnnfc.export.keras",
    "rnnfc.workflows.export",
    "rnnfc.workflows.predict",
    "rnnfc.workflows.compare",
    "rnnfc.cli.commands.predict",  # `predict.save`
    "rnnfc.workflows.train",  # the history, a line an epoch
    "rnnfc.networks.xla_cache",  # the user's cache, which can be compiled again
    "rnnfc.data.sources.frame",  # `rename` of columns, not of a file
    "rnnfc.reports.drawing",  # into memory
}


def writes(tree: ast.Module) -> set[str]:
    """Calls that put something on a disk."""
    calls = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            name = called.rpartition(".")[2]
            arguments = [ast.unparse(argument) for argument in (*node.args, *node.keywords)]
            opens = name == "open" and any(re.search(WRITING_MODE, argument) for argument in arguments)
            if name in WRITES or opens:
                calls.add(re.sub(r"\(.*\)|\[.*\]", "", called).lstrip("."))
    return calls


def test_writing__is_for_few_modules() -> None:
    assert {module for module, tree in MODULES.items() if writes(tree)} - MAY_WRITE == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Path('x').write_text('1')", {"Path.write_text"}),
        (
            "def f(path):\n    with path.open('wb') as file:\n        np.savez(file)",
            {"path.open", "np.savez"},
        ),
        ("open('config', mode='a')", {"open"}),
        ("open('x', 'r+')", {"open"}),
        ("os.open(path, os.O_RDWR | os.O_CREAT)", {"os.open"}),
        ("net.save(path)\nplace.rename(path)", {"net.save", "place.rename"}),
        ("path.open('rb')\nopen('data/x')\nos.open(path, os.O_RDONLY)\nsaved = save", set()),
    ],
)
def test_writing__is_found_in_the_source(text: str, expected: set[str]) -> None:
    assert writes(ast.parse(text)) == expected
