"""Check the names in src/rnnfc against the word lists of docs/glossary.md.

Run: python scripts/words.py [--source src/rnnfc] [--counts]
Each word of a public name must be listed. Public names are modules, functions, classes, methods, parameters, class fields and
module constants without a leading underscore. A name is split at underscores and capitals; a plural counts as its singular.
No name at all, local and private ones included, may have a word that the glossary forbids. Exit code 1 if one is found.
"""

import argparse
import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
GLOSSARY = ROOT / "docs" / "glossary.md"
BEGIN, END = "<!-- words: read by scripts/words.py -->", "<!-- words: end -->"
Function = ast.FunctionDef | ast.AsyncFunctionDef


def split_words(name: str) -> list[str]:
    """Lower-case words of a name: `num_ONNXFiles2` -> num, onnx, files2."""
    parts = re.findall(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+", name)
    return [part.lower() for part in parts]


def word_lists(glossary: str) -> dict[str, set[str]]:
    """The words under each heading of the glossary's marked section, by heading in lower case."""
    section = glossary.split(BEGIN)[1].split(END)[0]
    lists: dict[str, set[str]] = {}
    for block in re.split(r"^### ", section, flags=re.MULTILINE)[1:]:
        heading, _, text = block.partition("\n")
        lists[heading.strip().lower()] = set(re.findall(r"[A-Za-z]\w*", text))
    return lists


def public_names(source: Path) -> Iterator[tuple[str, str]]:
    """Place (file:line) and name of each public name."""
    for path in sorted(source.rglob("*.py")):
        place = str(path.relative_to(source.parent))
        if not path.stem.startswith("_"):
            yield f"{place}:1", path.stem
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for line, name in _names(tree.body):
            if not name.startswith("_"):
                yield f"{place}:{line}", name


def _names(body: list[ast.stmt]) -> Iterator[tuple[int, str]]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _function_names(node)
            case ast.ClassDef() if not node.name.startswith("_"):
                yield node.lineno, node.name
                yield from _names(node.body)
            case ast.Assign(targets=targets):
                yield from ((node.lineno, name) for target in targets for name in _bound(target))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield node.lineno, name
            case ast.If() | ast.Try() | ast.With():
                yield from _names(node.body)


def _function_names(node: Function) -> Iterator[tuple[int, str]]:
    if node.name.startswith("_") and node.name not in ("__init__", "__call__"):
        return
    yield node.lineno, node.name
    arguments = node.args
    parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    parameters += [extra for extra in (arguments.vararg, arguments.kwarg) if extra]
    yield from ((extra.lineno, extra.arg) for extra in parameters if extra.arg not in ("self", "cls"))


def _bound(target: ast.expr) -> list[str]:
    if isinstance(target, ast.Tuple):
        return [name for element in target.elts for name in _bound(element)]
    return [target.id] if isinstance(target, ast.Name) else []


def bound_names(source: Path) -> Iterator[tuple[str, str]]:
    """Place and name of everything that is assigned or defined, local and private names included."""
    for path in sorted(source.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            place = f"{path.relative_to(source.parent)}:{getattr(node, 'lineno', 1)}"
            match node:
                case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                    yield place, name
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    yield place, name


def forbidden_names(source: Path, glossary: str) -> list[tuple[str, str, list[str]]]:
    """Place, name and the forbidden words of each name that has one."""
    forbidden = word_lists(glossary)["words that names must not have"]
    found = ((place, name, sorted(forbidden & {*split_words(name)})) for place, name in bound_names(source))
    return [entry for entry in found if entry[2]]


def unlisted_names(source: Path, glossary: str) -> list[tuple[str, str, list[str]]]:
    """Place, name and the words of each public name that the glossary does not list.

    A preposition or an auxiliary verb is listed under "connecting words"; it is refused as a whole name, with four exceptions.
    """
    lists = word_lists(glossary)
    connecting = lists["connecting words"] - lists["connecting words that may be a whole name"]
    forbidden = lists.pop("words that names must not have")
    allowed = set().union(*lists.values(), *map(split_words, lists["proper names"]))
    if wrong := allowed & forbidden:
        raise SystemExit(f"the glossary lists and forbids: {', '.join(sorted(wrong))}")
    result = []
    for place, name in public_names(source):
        words = split_words(name)
        unknown = [word for word in words if not _is_listed(word, allowed)]
        if not unknown and words and set(words) <= connecting:
            unknown = words
        if unknown:
            result.append((place, name, unknown))
    return result


def _is_listed(word: str, allowed: set[str]) -> bool:
    singulars = [word, word.rstrip("0123456789")]
    for plural, singular in (("ies", "y"), ("es", ""), ("s", "")):
        if word.endswith(plural):
            singulars.append(word.removesuffix(plural) + singular)
    return any(form in allowed for form in singulars)


def main() -> None:
    """Print each refused name, or the number of names by word."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, default=ROOT / "src" / "rnnfc")
    parser.add_argument("--counts", action="store_true", help="number of names by word, most frequent first")
    options = parser.parse_args()
    glossary = GLOSSARY.read_text(encoding="utf-8")
    total = sum(1 for _ in public_names(options.source))
    unlisted, forbidden = unlisted_names(options.source, glossary), forbidden_names(options.source, glossary)
    for names, title in (
        (unlisted, f"of {total} public names have a word that docs/glossary.md does not list"),
        (forbidden, "names (local and private ones included) have a word that docs/glossary.md forbids"),
    ):
        if options.counts:
            by_word: dict[str, list[str]] = defaultdict(list)
            for _, name, words in names:
                for word in words:
                    by_word[word].append(name)
            for word, examples in sorted(by_word.items(), key=lambda item: (-len(item[1]), item[0])):
                print(f"{len(examples):4} {word:20} {' '.join(sorted(set(examples))[:6])}")
        else:
            for place, name, words in names:
                print(f"{place}: {name}: {', '.join(words)}")
        print(f"{len(names)} {title}", flush=True)
    raise SystemExit(bool(unlisted or forbidden))


if __name__ == "__main__":
    main()
