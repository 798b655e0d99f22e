"""Mutation testing: change one thing at a time in a copy of the source, and see whether a test turns red.

    python scripts/mutants.py --module data/windows.py --module data/scale.py      every mutant of two modules
    python scripts/mutants.py --sample 200 --seed 1                                a sample of all of them

Each mutant is run in a child forked from this process, which has imported what the tests need; the child runs only those tests
that reach the changed lines, the fastest first, and ends at the first that fails. Nothing is written to the checkout.

2026-11-27, samples with --seed 27 (survived of run, of all there are): windows.py 1 of 60, of 258; scale.py 5 of 60, of 269;
run.py 1 of 60, of 218; outputs.py 5 of 58, all; draft.py 3 of 60, of 132; config/data_spec.py 4 of 60, of 91; wording.py 3 of 60,
of 128; none of 30 each of config/'s __init__, model_spec, specs, train_spec and yaml12, of 585. The four of data_spec (limits of
unit, noise and stop) have a test since then, as has what earlier rounds of the day found. What survives, here or when windows.py
was run whole (2026-11-21), and why it may:

    windows.py    `index + 2`                   of the borders only the two that are meant are read
                  20_000                        a choice; one window more or less is no mistake
                  `[0]` before the running sum  no window begins at row 0, so that entry is never read
                  `series[0]` of one series     is its last too
                  `split.train if ...`          where train is given it is what the others leave, by config/specs.py
                  strict=True                   says that the lengths agree, and they do (also in scale.py and model_spec.py)
    scale.py      _PART_ROWS = 2**20            a choice; parts of any size give the same
                  `panel.filled[first:end]`     of `whole`: taken as a whole where parts would do, which costs memory alone
                  `array != array[0]`           any row tells whether one differs
                  `zeros_like(edges[0])`        both edges have one shape
    run.py        `unlisted[0]`                 one of those that are not listed is named
    outputs.py    `item[:2]`, `n=1`             names differ, so the third is never compared; the first of the near ones is named
                  `near[0]`, `> newer_than`     of one, the first is the last; the newest run itself can be read
    draft.py      lock = -1, kept = False       what they are before the block begins
                  missing_ok=True               inside suppress(OSError)
                  `paths[0].parent`             all paths are in one folder
    config/       indent=2 of the schema, include_url=False: nobody reads the one, the other is for the eye
                  `-1` of the range in `where`  a path of length 0 stands in every file
                  `self.stop or 0.0`            for mypy: a sine without step has a stop
                  `loc[-1:]` in `is_echo`       what is looked for stands in the last part only
                  n=1, `near[0]` of `_nearest`  the first of the near ones is named
                  `line = 1` in `_events`       PyYAML has always given one event before it trips
"""

import argparse
import ast
import copy
import importlib
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import coverage
import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = Path("src/rnnfc")
# Modules, and the tests that are about them; none of these starts TensorFlow.
AREAS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("data/windows.py",): ("tests/data/test_windows.py",),
    ("data/scale.py",): ("tests/data/test_scale.py",),
    ("run.py", "outputs.py", "draft.py"): tuple(
        f"tests/test_{name}.py" for name in ("run", "run_files", "new_files", "outputs")
    ),
    tuple(
        f"config/{name}.py"
        for name in ("__init__", "data_spec", "model_spec", "specs", "train_spec", "wording", "yaml12")
    ): ("tests/config",),
}
WARM = (
    "numpy",
    "pandas",
    "pydantic",
    "yaml",
    "typer",
    "rich",
    "hypothesis",
    "jsonschema",
    "sklearn.preprocessing",
    "pytest_cov",
)
# The warning is about what is imported here.
PYTEST = ("-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
MOST_MEMORY = 6 * 2**30

SWAPS = (
    *(
        "Lt LtE",
        "LtE Lt",
        "Gt GtE",
        "GtE Gt",
        "Eq NotEq",
        "NotEq Eq",
        "Is IsNot",
        "IsNot Is",
        "In NotIn",
        "NotIn In",
    ),
    *(
        "And Or",
        "Or And",
        "Add Sub",
        "Sub Add",
        "Mult FloorDiv",
        "Div Mult",
        "FloorDiv Mult",
        "Mod Mult",
        "Pow Mult",
    ),
    *("BitOr BitAnd", "BitAnd BitOr"),
)
OPERATORS: dict[type[ast.AST], Any] = {
    getattr(ast, one): getattr(ast, other) for one, other in map(str.split, SWAPS)
}
DECLARATIONS = {"frozen", "kw_only"}  # of a dataclass: what they forbid is not what a program does


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One change of one module; `lines` are those of its statement."""

    module: str
    lines: range
    line: int
    before: str
    after: str
    text: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The tests of an area on the source as it is: seconds of each, and which of them reach each line of a module."""

    seconds: dict[str, float]
    reached: dict[str, dict[int, list[str]]]

    def of(self, mutant: Mutant) -> list[str]:
        """The tests that reach the mutant, fastest first; all of them for what runs at the import."""
        lines = self.reached.get(mutant.module, {})
        found = {test for line in mutant.lines for test in lines.get(line, [])}
        return sorted(self.seconds if "" in found else found, key=lambda test: self.seconds.get(test, 0.0))


# --- mutants


def mutants(module: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of the source."""
    tree = ast.parse((ROOT / PACKAGE / module).read_text(encoding="utf-8"))
    for holder, name, place, node, statement in _nodes(tree, None):
        for changed in _variants(node, holder):
            _put(holder, name, place, changed)
            text = ast.unparse(tree)
            _put(holder, name, place, node)
            body = getattr(statement, "body", None)
            end = (
                body[0].lineno - 1
                if isinstance(body, list) and body
                else statement.end_lineno or statement.lineno
            )
            lines = range(statement.lineno, max(end, statement.lineno) + 1)
            line = getattr(node, "lineno", statement.lineno)
            before, after = (" ".join(ast.unparse(item).split()) for item in (node, changed))
            yield Mutant(module=module, lines=lines, line=line, before=before, after=after, text=text)


def unchanged(module: str) -> Mutant:
    """The module as it is, written anew; for every test of its area."""
    text = ast.unparse(ast.parse((ROOT / PACKAGE / module).read_text(encoding="utf-8")))
    return Mutant(module=module, lines=range(1, text.count("\n") + 2), line=0, before="", after="", text=text)


def _nodes(parent: ast.AST, statement: Any) -> Iterator[tuple[ast.AST, str, int | None, ast.AST, Any]]:
    """(parent, field, place in it, node, innermost statement) of every node."""
    if isinstance(parent, ast.keyword) and parent.arg in DECLARATIONS:
        return
    for name, value in list(ast.iter_fields(parent)):
        for place, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(node, ast.AST):
                inner = node if isinstance(node, ast.stmt) else statement
                if inner is not None:
                    yield parent, name, place, node, inner
                yield from _nodes(node, inner)


def _put(parent: ast.AST, name: str, place: int | None, node: ast.AST) -> None:
    if place is None:
        setattr(parent, name, node)
    else:
        getattr(parent, name)[place] = node


def _variants(node: ast.AST, parent: ast.AST) -> Iterator[ast.AST]:
    """What stands in the place of `node`, one change each."""
    changed: Any
    match node:
        case ast.Compare():
            for place, sign in enumerate(node.ops):
                changed = copy.deepcopy(node)
                changed.ops[place] = OPERATORS[type(sign)]()
                yield changed
        case ast.BinOp(op=ast.BitOr(), left=left, right=right) if _is_type(left) or _is_type(right):
            return
        case ast.BoolOp() | ast.BinOp() if type(node.op) in OPERATORS:
            changed = copy.deepcopy(node)
            changed.op = OPERATORS[type(node.op)]()
            yield changed
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.Constant(value=bool() | int() | float() as value):
            others = (
                [not value]
                if isinstance(value, bool)
                else [value + 1, value - 1]
                if isinstance(value, int)
                else [value + 1]
            )
            yield from map(ast.Constant, others)
        case ast.Slice():
            for name in ("lower", "upper"):
                if getattr(node, name) is not None:
                    changed = copy.deepcopy(node)
                    setattr(changed, name, None)
                    yield changed
        case _:
            yield from _statements(node, parent)


def _statements(node: ast.AST, parent: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.If() | ast.IfExp():
            yield type(node)(test=ast.Constant(False), body=node.body, orelse=node.orelse)  # type: ignore[arg-type]  # if, while: both have these
        case ast.comprehension(ifs=[_, *_]):
            yield ast.comprehension(node.target, node.iter, [], node.is_async)
        case ast.Return(value=value) if value is not None and not (
            isinstance(value, ast.Constant) and value.value is None
        ):
            yield ast.Return(ast.Constant(None))
        case ast.Raise() if not (isinstance(parent, ast.If) and len(parent.body) == 1):
            yield ast.Pass()
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()


def _is_type(node: ast.expr) -> bool:
    """Whether this side of a `|` says that it stands between types."""
    return isinstance(node, ast.Name) or (isinstance(node, ast.Constant) and node.value is None)


# --- tests


class _Only:
    """Runs some tests, in the order given; notes how long each takes."""

    def __init__(self, tests: Sequence[str] | None) -> None:
        self.seconds: dict[str, float] = {}
        self._place = None if tests is None else {test: place for place, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        place = self._place
        if place is not None:
            items[:] = sorted(
                (item for item in items if item.nodeid in place), key=lambda item: place[item.nodeid]
            )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration


def start(
    home: Path, tests: Sequence[str], *options: str, only: Sequence[str] | None, keep: Path | None = None
) -> int:
    """A child that runs `tests` on the source in `home`; returns its process number. It ends with pytest's exit code."""
    child = os.fork()
    if child:
        return child
    code = 3
    try:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        log = os.open(home / "log", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        for handle in (0, 1, 2):
            os.dup2(log, handle)
        os.chdir(ROOT)
        sys.path.insert(0, str(home / "src"))
        os.environ |= {
            "PYTHONPATH": str(home / "src"),
            "HYPOTHESIS_STORAGE_DIRECTORY": str(home / "hypothesis"),
        }
        sys.dont_write_bytecode = keep is None  # a mutant is as long and as old as the last one
        plugin = _Only(only)
        code = int(pytest.main([*PYTEST, f"--basetemp={home / 'tmp'}", *options, *tests], [plugin]))
        if keep is not None:
            keep.write_text("".join(f"{seconds} {test}\n" for test, seconds in plugin.seconds.items()))
    finally:
        os._exit(code)


def baseline(home: Path, tests: Sequence[str]) -> Baseline:
    """The tests on the source as it is; ends the program if one of them fails."""
    data, times = home / "coverage", home / "seconds"
    os.environ["COVERAGE_FILE"] = str(data)
    options = ("--cov", "--cov-context=test", "--cov-report=", "--cov-fail-under=0")
    if os.waitstatus_to_exitcode(os.waitpid(start(home, tests, *options, only=None, keep=times), 0)[1]) != 0:
        raise SystemExit(f"{' '.join(tests)}: red on the source as it is\n{(home / 'log').read_text()}")
    seconds = {
        test: float(took)
        for took, _, test in (line.partition(" ") for line in times.read_text().splitlines())
    }
    found, reached = coverage.CoverageData(str(data)), {}
    found.read()
    for name in found.measured_files():
        lines = found.contexts_by_lineno(name)
        tests_of = {
            line: [context.rpartition("|")[0] for context in contexts] for line, contexts in lines.items()
        }
        reached[os.path.relpath(name, home / PACKAGE)] = tests_of
    return Baseline(seconds=seconds, reached=reached)


@dataclass
class Slot:
    """One mutant at a time, in a copy of the source of its own."""

    home: Path
    child: int = 0
    ends: float = 0.0
    mutant: Mutant | None = None

    def begin(self, mutant: Mutant, tests: Sequence[str], known: Baseline) -> None:
        """Put the mutant in its place and start its tests."""
        only = known.of(mutant)
        path = self.home / PACKAGE / mutant.module
        path.write_text(mutant.text, encoding="utf-8")
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
            compiled.unlink()
        files = sorted({test.partition("::")[0] for test in only}) or list(tests)
        self.mutant, self.child = mutant, start(self.home, files, only=only)
        self.ends = time.monotonic() + 20 + 5 * sum(known.seconds.get(test, 0.0) for test in only)

    def verdict(self) -> str | None:
        """killed, survived or timeout; None while its tests run. Puts the module back."""
        done, status = os.waitpid(self.child, os.WNOHANG)
        late = not done and time.monotonic() > self.ends
        if late:
            os.killpg(self.child, signal.SIGKILL)
            os.waitpid(self.child, 0)
        if self.mutant is None or not (done or late):
            return None
        shutil.copy(ROOT / PACKAGE / self.mutant.module, self.home / PACKAGE / self.mutant.module)
        # 5: no test reaches it.
        return "timeout" if late else "survived" if os.waitstatus_to_exitcode(status) in (0, 5) else "killed"


def judged(
    chosen: Sequence[Mutant], tests: Sequence[str], home: Path, *, jobs: int
) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with what became of it, as they end."""
    slots = [Slot(home / str(number)) for number in range(jobs)]
    for slot in slots:
        shutil.copytree(ROOT / "src", slot.home / "src", ignore=shutil.ignore_patterns("__pycache__"))
    known = baseline(slots[0].home, tests)
    waiting, idle = list(chosen)[::-1], list(slots)
    busy: list[Slot] = []
    while waiting or busy:
        while waiting and idle:
            slot = idle.pop()
            slot.begin(waiting.pop(), tests, known)
            busy.append(slot)
        time.sleep(0.01)
        for slot in list(busy):
            verdict = slot.verdict()
            if verdict is not None and slot.mutant is not None:
                yield slot.mutant, verdict
                busy.remove(slot)
                idle.append(slot)


def main() -> None:
    """Print each survivor, then counts by module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [name for modules in AREAS for name in modules]
    parser.add_argument(
        "--module", action="append", choices=names, help="may be given several times; all without it"
    )
    parser.add_argument("--sample", type=int, help="so many of each module's mutants, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    given = parser.parse_args()
    for name in WARM:
        importlib.import_module(name)
    draw, counts = random.Random(given.seed), {}  # noqa: S311  no secret
    for area, (modules, tests) in enumerate(AREAS.items()):
        chosen = []
        for module in (module for module in modules if module in (given.module or names)):
            every = list(mutants(module))
            # The first is none: where it does not survive, nothing that is said of the others can be believed.
            chosen += [unchanged(module), *draw.sample(every, min(given.sample or len(every), len(every)))]
            counts[module] = Counter(mutants=len(every))
        if not chosen:
            continue
        with tempfile.TemporaryDirectory(prefix=f"mutants-{area}-") as home:
            for mutant, verdict in judged(chosen, tests, Path(home), jobs=given.jobs):
                if not mutant.before:
                    if verdict != "survived":
                        raise SystemExit(f"{mutant.module}: {verdict} without any change")
                    continue
                counts[mutant.module][verdict] += 1
                if verdict != "killed":
                    where = f"{PACKAGE / mutant.module}:{mutant.line}"
                    print(
                        f"{where}: {verdict}\n  - {mutant.before[:200]}\n  + {mutant.after[:200]}", flush=True
                    )
    for module, count in counts.items():
        run = count["killed"] + count["timeout"] + count["survived"]
        caught = count["killed"] + count["timeout"]
        print(
            f"{module:22} {count['mutants']:5} mutants, {run} run: {count['killed']} killed, {count['timeout']} timed out, "
            f"{count['survived']} survived, score {caught / max(run, 1):.1%}"
        )


if __name__ == "__main__":
    main()
