"""YAML 1.2 for people: core-schema scalars, no tags, no duplicate keys, bounded, and the line of every key."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from rnnfc.errors import ConfigError

# Bounds on hostile input: a config is a page of text; past these it is a mistake or an attack.
MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 32
MAX_NODES = 50_000

Path = tuple[str | int, ...]

# What starts with one of these is meant as YAML; any other text that is no YAML is text.
_STRUCTURE = tuple("[{'\"&*!|>")
# What PyYAML says of a plain value that starts with a character such as % @ ` or a comma.
_NEEDS_QUOTES = re.compile(
    r"found character '[^\\]' that cannot start any token|expected the node content, but found ','"
)

# YAML 1.2.2, section 10.3.2 (core schema). PyYAML follows YAML 1.1, where `no` is false, `010` is eight, `12:30` is 750.
_INT, _OCT_HEX = re.compile(r"[-+]?[0-9]+"), re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_SCALARS: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (re.compile(r"null|Null|NULL|~|"), lambda _: None),
    (re.compile(r"true|True|TRUE"), lambda _: True),
    (re.compile(r"false|False|FALSE"), lambda _: False),
    (_INT, int),
    (_OCT_HEX, lambda text: int(text, 0)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"), lambda text: float(text.replace(".", "", 1))),
)
_SURROGATE = re.compile("[\ud800-\udfff]")
# Python refuses to print integers beyond 4,300 digits; no setting needs a tenth of these.
_MAX_DIGITS = 400


@dataclass
class Document:
    """A parsed document: plain values (mappings, tuples, scalars) and the line, from 1, of every key and item."""

    value: Any
    lines: dict[Path, int]


def parse(text: str, *, source: str) -> Document:
    """The one document in `text`.

    Raises:
        ConfigError: not YAML, more than one document, a tag, a duplicate key, a key that is not text, or too large;
            with `source` and the line.
    """
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(
            f"{source}: {len(text):,} characters, at most {MAX_CHARACTERS:,} are read; is this a config?"
        )
    try:
        _refuse_hostile(text, source=source)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        location = f"{source}:{mark.line + 1}" if mark else source
        problem = error.problem or str(error.context)
        hint = (
            "put quotes around the value" if _NEEDS_QUOTES.match(problem) else "check indentation and quotes"
        )
        raise ConfigError(f"{location}: not valid YAML: {problem}; {hint}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(
            f"{source}:{line}: the character U+{error.character:04X} is not allowed in YAML; remove it"
        ) from error
    builder = _Builder(source=source)
    return Document(value=None if root is None else builder.build(root, ()), lines=builder.lines)


def typed(text: str, *, source: str) -> Any:
    """The value of `text` as typed on a command line: YAML, or the text itself where it is none and has no structure.

    Raises:
        ConfigError: as `parse`.
    """
    try:
        return parse(text, source=source).value
    except ConfigError as error:
        if not isinstance(error.__cause__, yaml.MarkedYAMLError) or text.lstrip().startswith(_STRUCTURE):
            raise
        return text


def scalar(text: str) -> Any:
    """The value of one plain YAML 1.2 scalar: `1e-3` a number, `no` text, `010` ten, `12:30` text."""
    return next((value(text) for pattern, value in _SCALARS if pattern.fullmatch(text)), text)


def _refuse_hostile(text: str, *, source: str) -> None:
    # Runs on the flat event stream, before anything recurses over the nesting.
    depth = documents = values = 0
    line = 1
    events: Iterator[Any] = yaml.parse(text, Loader=yaml.SafeLoader)
    try:
        for event in events:
            location, line = f"{source}:{event.start_mark.line + 1}", event.end_mark.line + 1
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            documents += isinstance(event, yaml.DocumentStartEvent)
            values += isinstance(event, yaml.NodeEvent)
            if depth > MAX_DEPTH:
                raise ConfigError(
                    f"{location}: nested more than {MAX_DEPTH} deep; a config needs five levels"
                )
            if documents > 1:
                raise ConfigError(
                    f"{location}: a second document starts here; a config is one, so remove the line with ---"
                )
            if values > MAX_NODES:
                raise ConfigError(f"{location}: more than {MAX_NODES:,} keys and values; is this a config?")
            if getattr(event, "tag", None) is not None:
                raise ConfigError(
                    f"{location}: the tag {event.tag!r} is not allowed; write the plain value without it"
                )
            if isinstance(event, yaml.ScalarEvent) and _SURROGATE.search(event.value):
                problem = (
                    "half of a surrogate pair is no character; write the character itself, not its escape"
                )
                raise ConfigError(f"{location}: {problem}")
    except (
        ValueError,
        OverflowError,
    ) as error:  # PyYAML lets these through: "\UFFFFFFFF", %YAML 1.<5,000 digits>
        problem = "an escape or a version number is out of range; write the character itself"
        raise ConfigError(f"{source}:{line}: not valid YAML: {problem}") from error


@dataclass
class _Builder:
    source: str
    lines: dict[Path, int] = field(default_factory=dict)
    nodes: int = 0

    def build(self, node: Any, path: Path) -> Any:
        self.nodes += 1
        self.lines.setdefault(path, node.start_mark.line + 1)
        if self.nodes > MAX_NODES:
            raise self._wrong(
                node, f"more than {MAX_NODES:,} values once aliases are followed; write them out"
            )
        if len(path) > MAX_DEPTH:
            raise self._wrong(
                node, f"an alias holds itself or nests past {MAX_DEPTH} levels; write the value out"
            )
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return tuple(self.build(item, (*path, index)) for index, item in enumerate(node.value))
        return self._scalar(node)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        if node.style is not None:  # quoted or block text is text, whatever it looks like
            return node.value
        if len(node.value) > _MAX_DIGITS and (_INT.fullmatch(node.value) or _OCT_HEX.fullmatch(node.value)):
            raise self._wrong(
                node, f"a number of {len(node.value):,} characters; at most {_MAX_DIGITS} are read"
            )
        return scalar(node.value)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                raise self._wrong(key_node, "a key must be text; put quotes around it if it is meant")
            if key in mapping:
                first = self.lines[(*path, key)]
                raise self._wrong(
                    key_node, f"the key {key!r} stands here again (first on line {first}); keep one"
                )
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            mapping[key] = self.build(value_node, (*path, key))
        return mapping

    def _wrong(self, node: Any, text: str) -> ConfigError:
        return ConfigError(f"{self.source}:{node.start_mark.line + 1}: {text}")
