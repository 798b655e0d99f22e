"""YAML 1.2: core-schema scalars, no tags, no duplicate keys, bounded size, and the line of every key."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, cast

import yaml

from rnnfc.errors import ConfigError

if TYPE_CHECKING:
    from yaml._yaml import Mark as CMark
    from yaml.error import Mark as PyMark

    Mark = PyMark | CMark

# A config is a page of text; anything beyond these limits is a mistake or an attack.
MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 32
MAX_NODES = 50_000

Path = tuple[str | int, ...]
Scalar: TypeAlias = str | int | float | bool | None

# An option that starts with one of these must be valid YAML; any other invalid YAML is text.
_STRUCTURE = tuple("[{'\"&*!|>")
# PyYAML's messages for a plain value that starts with a character such as % @ ` or a comma.
_NEEDS_QUOTES = re.compile(
    r"found character '[^\\]' that cannot start any token|expected the node content, but found ','"
)

# YAML 1.2.2, section 10.3.2 (core schema). PyYAML follows YAML 1.1, where `no` is false, `010` is eight, `12:30` is 750.
_INT, _OCT_HEX = re.compile(r"[-+]?[0-9]+"), re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_SCALARS: tuple[tuple[re.Pattern[str], Callable[[str], Scalar]], ...] = (
    (re.compile(r"null|Null|NULL|~|"), lambda _: None),
    (re.compile(r"true|True|TRUE"), lambda _: True),
    (re.compile(r"false|False|FALSE"), lambda _: False),
    (_INT, int),
    (_OCT_HEX, lambda text: int(text, 0)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"), lambda text: float(text.replace(".", "", 1))),
)
_SURROGATE = re.compile("[\ud800-\udfff]")
# Python refuses to print integers of more than 4,300 digits; no key needs a tenth of that.
_MAX_DIGITS = 400


@dataclass
class Document:
    """A parsed document: plain values (mappings, tuples, scalars) and the line, from 1, of every key and item."""

    value: object
    lines: dict[Path, int]


def parse(text: str, *, source: str) -> Document:
    """The one document in `text`.

    Raises:
        ConfigError: not YAML, more than one document, a tag, a duplicate key, a key that is not text, or too large;
            with `source` and the line.
    """
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(
            f"{source}: {len(text):,} characters, at most {MAX_CHARACTERS:,} are allowed; is this a config?"
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


def parse_option(text: str, *, source: str) -> object:
    """The value of `text` on a command line: YAML, or the text itself if it is not YAML and does not start like a structure.

    Raises:
        ConfigError: as `parse`.
    """
    try:
        return parse(text, source=source).value
    except ConfigError as error:
        if not isinstance(error.__cause__, yaml.MarkedYAMLError) or text.lstrip().startswith(_STRUCTURE):
            raise
        return text


def scalar(text: str) -> Scalar:
    """The value of one plain YAML 1.2 scalar: `1e-3` a number, `no` text, `010` ten, `12:30` text."""
    return next((convert(text) for pattern, convert in _SCALARS if pattern.fullmatch(text)), text)


def _line(mark: "Mark | None") -> int:
    return mark.line + 1 if mark else 1


def _refuse_hostile(text: str, *, source: str) -> None:
    # On the flat event stream, before anything recurses over the nesting.
    depth = documents = values = 0
    line = 1
    events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)
    try:
        for event in events:
            location, line = f"{source}:{_line(event.start_mark)}", _line(event.end_mark)
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
            if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
                raise ConfigError(
                    f"{location}: the tag {event.tag!r} is not allowed; write the plain value without it"
                )
            if isinstance(event, yaml.ScalarEvent) and _SURROGATE.search(event.value):
                problem = (
                    "half of a surrogate pair is not a character; write the character itself, not its escape"
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

    def build(self, node: yaml.Node, path: Path) -> object:
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
        return self._scalar(cast("yaml.ScalarNode", node))  # there is no fourth kind

    def _scalar(self, node: yaml.ScalarNode) -> Scalar:
        if node.style is not None:  # quoted or block text is text, whatever it looks like
            return str(node.value)
        if len(node.value) > _MAX_DIGITS and (_INT.fullmatch(node.value) or _OCT_HEX.fullmatch(node.value)):
            raise self._wrong(
                node, f"a number of {len(node.value):,} characters; at most {_MAX_DIGITS} are read"
            )
        return scalar(node.value)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        mapping: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = self._scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                raise self._wrong(key_node, "a key must be text; put quotes around it")
            if key in mapping:
                first = self.lines[(*path, key)]
                raise self._wrong(key_node, f"duplicate key {key!r}, first on line {first}; keep one")
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            mapping[key] = self.build(value_node, (*path, key))
        return mapping

    def _wrong(self, node: yaml.Node, text: str) -> ConfigError:
        return ConfigError(f"{self.source}:{node.start_mark.line + 1}: {text}")
