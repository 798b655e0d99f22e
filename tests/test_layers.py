"""The shape of the source: who may import whom, what stays out, how long a thing may be. Every file is parsed, none is run."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
FILES = sorted(SOURCE.rglob("*.py"))

# Highest first; a package imports from its own level and those below, and no two packages import each other.
LEVELS = (
    ("rnnfc.__main__",),
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
# `export.onnx_model` imports tf2onnx inside the function that converts.
MAY_IMPORT_TENSORFLOW = ("rnnfc.networks", "rnnfc.training", "rnnfc.export")
# These count without TensorFlow, so that `check` and `train` can speak before it starts.
COUNTED_FROM_THE_CONFIG = (
    "rnnfc.networks",
    "rnnfc.networks.size",
    "rnnfc.networks.processors",
    "rnnfc.networks.cells",
    "rnnfc.networks.cells.cell",
    "rnnfc.training",
    "rnnfc.training.compile",
    "rnnfc.training.compile.recipe",
    "rnnfc.workflows.engines",
)
# The NumPy engine: a run of it never starts TensorFlow.
NUMPY_ENGINE = ("rnnfc.numpy_rnn",)
WITHOUT_TENSORFLOW = (
    *COUNTED_FROM_THE_CONFIG,
    "rnnfc.numpy_rnn.network",
    "rnnfc.numpy_rnn.engine",
    "rnnfc.numpy_rnn.onnx_graph",
    "rnnfc.networks.tensors",
    "rnnfc.networks.cells.simple_rnn",
    "rnnfc.networks.cells.lstm",
    "rnnfc.networks.cells.gru",
    "rnnfc.networks.normalization",
    "rnnfc.networks.xla_cache",
    "rnnfc.training.progress",
    "rnnfc.workflows.engines",
    "rnnfc.export.onnx_model",
)
HEAVY = {"tensorflow", "keras", "numpy", "pandas", "matplotlib", "sklearn", "pydantic"}


def name_of(path: Path) -> str:
    """rnnfc.data.panel for src/rnnfc/data/panel.py, rnnfc.data for its __init__.py."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): ast.parse(path.read_text(encoding="utf-8"), filename=str(path)) for path in FILES}


def inside(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def package_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def level(module: str) -> int:
    """0 is the highest."""
    (found,) = [place for place, packages in enumerate(LEVELS) if inside(module, packages)]
    return found


def imports(tree: ast.Module) -> set[str]:
    """Every module that is imported anywhere, in functions too; `from a import b` is a.b where that is a module, else a."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import"
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in full}
    return found


def upward(module: str, tree: ast.Module) -> set[str]:
    """Modules of ours that `module` imports from a higher level."""
    ours = {name for name in imports(tree) if inside(name, ("rnnfc",)) and name != "rnnfc"}
    return {name for name in ours if level(name) < level(module)}


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_downwards(module: str) -> None:
    if module == "rnnfc":
        assert imports(MODULES[module]) == set()  # the package itself is imported by everyone
    else:
        assert upward(module, MODULES[module]) == set()


@pytest.mark.parametrize(
    ("module", "text", "found"),
    [
        ("rnnfc.data.panel", "from rnnfc.reports import plots", {"rnnfc.reports.plots"}),
        (
            "rnnfc.runs.run",
            "def f():\n    from rnnfc.workflows.train import train",
            {"rnnfc.workflows.train"},
        ),
        ("rnnfc.config.experiment", "import rnnfc.errors\nimport rnnfc.data.panel", {"rnnfc.data.panel"}),
        ("rnnfc.workflows.train", "from rnnfc.cli.console import note", {"rnnfc.cli.console"}),
        ("rnnfc.workflows.train", "from rnnfc.cli import app", {"rnnfc.cli"}),
        ("rnnfc.training.keras_loop", "from rnnfc.networks.build import build", set()),
        ("rnnfc.evaluation.metrics", "import numpy\nfrom rnnfc.runs.run import Run", set()),
    ],
)
def test_an_upward_import_is_found_wherever_it_stands(module: str, text: str, found: set[str]) -> None:
    assert upward(module, ast.parse(text)) == found


def test_no_two_packages_import_each_other() -> None:
    graph: dict[str, set[str]] = {}
    for module, tree in MODULES.items():
        ours = {package_of(name) for name in imports(tree) & set(MODULES)}
        graph.setdefault(package_of(module), set()).update(ours - {package_of(module), "rnnfc"})
    assert [*TopologicalSorter(graph).static_order()][
        -1
    ] == "rnnfc.__main__"  # a cycle is an error that names it


def test_no_two_modules_import_each_other() -> None:
    graph = {module: imports(tree) & set(MODULES) - {module} for module, tree in MODULES.items()}
    order = list(TopologicalSorter(graph).static_order())  # a cycle is an error that names it
    assert (
        order.index("rnnfc.errors")
        < order.index("rnnfc.config")
        < order.index("rnnfc.runs.run")
        < order.index("rnnfc.cli")
    )


@pytest.mark.parametrize("module", MODULES)
def test_tensorflow_stays_in_models_and_training(module: str) -> None:
    found = {name for name in imports(MODULES[module]) if inside(name, ("tensorflow", "keras", "tf2onnx"))}
    assert not found or (inside(module, MAY_IMPORT_TENSORFLOW) and module not in WITHOUT_TENSORFLOW)


@pytest.mark.parametrize("module", COUNTED_FROM_THE_CONFIG)
def test_sizes_are_counted_from_the_config_alone(module: str) -> None:
    ours = {name for name in imports(MODULES[module]) if name not in sys.stdlib_module_names}
    assert all(
        inside(name, ("rnnfc.config", "rnnfc.networks.cells", "rnnfc.extensions"))
        or name in COUNTED_FROM_THE_CONFIG
        for name in ours
    )


def loaded(*modules: str) -> set[str]:
    """The top-level modules in a fresh interpreter after importing `modules`."""
    code = f"import {', '.join(modules)}, sys; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_the_command_line_starts_without_anything_heavy() -> None:
    names = loaded("rnnfc.cli")
    assert names & HEAVY == set()
    assert {"rnnfc", "typer"} <= names


def test_everything_but_models_and_training_is_imported_without_tensorflow() -> None:
    modules = [
        name for name in MODULES if name != "rnnfc.__main__" and not inside(name, MAY_IMPORT_TENSORFLOW)
    ]
    names = loaded(*modules, *WITHOUT_TENSORFLOW)
    assert names & {"tensorflow", "keras"} == set()
    assert {"numpy", "pydantic", "matplotlib"} <= names  # the import did happen


# --- nothing that runs what it reads

UNSAFE_MODULES = ("pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve")
# Keras files are read back here to be checked, and only those that have just been written.
MAY_CALL = {
    "rnnfc.export.formats": ["keras.saving.load_model"],
    "rnnfc.cli.signals": ["exec"],  # of the empty text, for a flag in CPython
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
    yield from sorted(name for name in imports(tree) if inside(name, UNSAFE_MODULES))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (
                f"{node.module}.{alias.name}"
                for alias in node.names
                if f"{node.module}.{alias.name}" in UNSAFE_METHODS
            )
        if not isinstance(node, ast.Call):
            continue
        called, given = ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}
        if called in UNSAFE_METHODS or called in UNSAFE_NAMES or called.endswith("load_model"):
            yield called
        if called in ("np.load", "numpy.load") and given.get("allow_pickle") != "False":
            yield f"{called} without allow_pickle=False"
        if given.get("allow_pickle", "False") != "False":
            yield f"allow_pickle={given['allow_pickle']}"
        if called.startswith("yaml.") and given.get("Loader", "yaml.SafeLoader") not in SAFE_LOADERS:
            yield f"Loader={given['Loader']}"
        if given.get("shell", "False") != "False":
            yield f"shell={given['shell']}"


@pytest.mark.parametrize("module", MODULES)
def test_nothing_read_from_a_file_can_run(module: str) -> None:
    assert list(unsafe(MODULES[module])) == MAY_CALL.get(module, [])


@pytest.mark.parametrize(
    ("text", "found"),
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
def test_what_would_run_is_found_in_the_source(text: str, found: list[str]) -> None:
    assert list(unsafe(ast.parse(text))) == found


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
def test_lint_tells_what_would_run(place: str) -> None:
    ruff = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--output-format=concise",
        f"--stdin-filename={SOURCE.parent / place}",
        "-",
    ]
    for text, rule in LINTED.items():
        done = subprocess.run(ruff, input=text, capture_output=True, text=True, check=False)
        assert f": {rule} " in done.stdout, text


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
MAY_WRITE = {
    # Into a place of `draft.atomic_write`, which syncs it and gives it its name.
    "rnnfc.cli.experiments": ["place.write_text"],
    # What can be compiled again: links in a folder of the user's cache.
    "rnnfc.networks.xla_cache": ["hardlink_to", "hardlink_to", "place.mkdir"],
    "rnnfc.export.formats": [
        "path.write_bytes",
        "tf.saved_model.save",
        "path.write_bytes",
        "keras.Model.save",
    ],
    "rnnfc.workflows.export": ["form.save", "write_text"],
    "rnnfc.workflows.predict": ["place.write_bytes"],
    "rnnfc.workflows.train": ["path.open"],
    # `predict.save`; into memory.
    "rnnfc.cli.runs": ["workflow.save"],
    "rnnfc.reports.plots": ["figure.savefig"],
}


def writes(tree: ast.Module) -> list[str]:
    """Calls that put something on a disk, in the order of their lines."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            name, modes = (
                called.rpartition(".")[2],
                [ast.unparse(given) for given in (*node.args, *node.keywords)],
            )
            opens = name == "open" and any(
                re.search(r"^(mode=)?'[rbt]*[wax+][rbt+]*'$|O_CREAT", mode) for mode in modes
            )
            if name in WRITES or opens:
                found.append((node.lineno, re.sub(r"\(.*\)|\[.*\]", "", called).lstrip(".")))
    return [called for _, called in sorted(found)]


@pytest.mark.parametrize("module", [module for module in MODULES if module != "rnnfc.runs.writer"])
def test_nothing_is_written_but_through_the_draft(module: str) -> None:
    assert writes(MODULES[module]) == MAY_WRITE.get(module, [])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Path('x').write_text('1')", ["Path.write_text"]),
        (
            "def f(path):\n    with path.open('wb') as file:\n        np.savez(file)",
            ["path.open", "np.savez"],
        ),
        ("open('config', mode='a')\nopen('x', 'r+')", ["open", "open"]),
        ("os.open(path, os.O_RDWR | os.O_CREAT)", ["os.open"]),
        ("net.save(path)\nplace.rename(path)", ["net.save", "place.rename"]),
        ("path.open('rb')\nopen('data/x')\nos.open(path, os.O_RDONLY)\nsaved = save", []),
    ],
)
def test_a_write_is_found_in_the_source(text: str, found: list[str]) -> None:
    assert writes(ast.parse(text)) == found
