"""Experiments: from a YAML file and `--set` overrides to a frozen `Experiment`, and back to YAML."""

import codecs
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from rnnfc.config import messages, yaml12
from rnnfc.config.experiment import Experiment
from rnnfc.errors import ConfigError, visible

# Enough for one character too many, of four bytes each, after a byte order mark.
_MAX_BYTES = 4 * (yaml12.MAX_CHARACTERS + 1) + 3
# Valid in JSON strings, but YAML folds or refuses them, even in quotes.
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


@dataclass(frozen=True)
class _Origins:
    """Where each key was written: in the file (`lines`), or in one of the `overrides`, in their order."""

    source: str
    lines: dict[yaml12.Path, int] = field(default_factory=dict)
    overrides: list[tuple[yaml12.Path, str]] = field(default_factory=list)

    def override(self, path: yaml12.Path) -> str | None:
        """The last override that set `path` or a group around it."""
        typed = [text for key, text in self.overrides if key == path[: len(key)]]
        return typed[-1] if typed else None

    def locate(self, path: yaml12.Path) -> str:
        """The override that set `path`, else `file:line` of its innermost part that the file has."""
        inside = [text for key, text in self.overrides if path not in self.lines and key[: len(path)] == path]
        for text in (self.override(path), *inside):
            if text is not None:
                return text
        known = [path[:end] for end in range(len(path), -1, -1) if path[:end] in self.lines]
        return f"{self.source}:{self.lines[known[0]]}" if known else self.source


def load(path: Path, overrides: Sequence[str] = ()) -> Experiment:
    """The experiment in a YAML file, after `key.path=value` overrides; a relative data path is made absolute.

    Raises:
        ConfigError: all mistakes at once, each as `file:line: key: what is wrong, what is allowed`.
    """
    document = yaml12.parse(_read(path), source=str(path))
    if document.value is None:
        raise ConfigError(f"{path}: empty file; 'rnnfc init NAME' writes a config to start from")
    if not isinstance(document.value, dict):
        raise ConfigError(
            f"{path}:1: not a group of keys (name, data, window, ...); 'rnnfc init NAME' writes a config"
        )
    origins = _Origins(
        str(path), document.lines, [(_override(document.value, text), _option(text)) for text in overrides]
    )
    _make_data_path_absolute(document.value, folder=path.parent, origins=origins)
    return _validate(document.value, origins)


def from_yaml(text: str, *, source: str) -> Experiment:
    """The experiment in `text`, a resolved config that this tool wrote."""
    document = yaml12.parse(text, source=source)
    return _validate(document.value, _Origins(source, document.lines))


def to_yaml(experiment: Experiment) -> str:
    """The resolved experiment; `load` and `from_yaml` read it back to an equal one."""
    plain = json.loads(experiment.model_dump_json(exclude_none=True))
    return "".join(f"{key}: {format_yaml(value)}\n" for key, value in plain.items())


def format_yaml(value: object) -> str:
    """`value` as YAML on one line; what JSON does not have becomes a list or a number (NumPy) or text, e.g. a path."""
    # JSON is valid YAML 1.2, and its quotes protect what YAML 1.1 or 1.2 would read as another type.
    text = json.dumps(value, ensure_ascii=False, default=_plain)
    return _NOT_IN_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def schema() -> str:
    """The JSON Schema of a config, for editors."""
    draft = "https://json-schema.org/draft/2020-12/schema"
    document = Experiment.model_json_schema()
    for group in document["$defs"].values():
        if kind := group["properties"].get("kind"):
            kind["description"] = "which of the groups that are allowed here this is"
    return json.dumps({"$schema": draft, **document}, indent=2)


def starter(name: str) -> str:
    """A commented config to start from.

    Raises:
        ConfigError: `name` is not a valid experiment name.
    """
    text = (Path(__file__).parent / "starter.yaml").read_text(encoding="utf-8")
    template = yaml12.parse(text, source="starter.yaml").value
    _validate({**template, "name": name} if isinstance(template, dict) else template, _Origins("rnnfc init"))
    quoted = name if isinstance(yaml12.scalar(name), str) else json.dumps(name)  # 2024 would be a number
    return re.sub("(name: )?<NAME>", lambda match: f"name: {quoted}" if match[1] else name, text)


def _plain(value: object) -> object:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES)
        # The last character may be incomplete; `yaml12.parse` refuses the file for its length.
        return codecs.getincrementaldecoder("utf-8-sig")().decode(content, final=len(content) < _MAX_BYTES)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; 'rnnfc init NAME' writes a config to start from") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: a folder, not a config; use the path of a YAML file") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); check the path and its permissions"
        ) from None


def _override(tree: dict[str, object], override: str) -> yaml12.Path:
    """Set one key in `tree`, and return its path."""
    key, equals, text = override.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise ConfigError(f"{_option(override)}: write it as key.path=value, e.g. --set train.epochs=5")
    group = tree
    for depth, part in enumerate(parts[:-1]):
        below = group.setdefault(part, {})
        if not isinstance(below, dict):
            raise ConfigError(
                f"{_option(override)}: {'.'.join(parts[: depth + 1])} is a value, not a group of keys; set it "
                "as a whole, e.g. --set 'scale={method: standard, transform: log}'"
            )
        group = below
    group[parts[-1]] = yaml12.parse_option(text, source=_option(key))
    return tuple(parts)


def _option(override: str) -> str:
    one_line = visible(override.replace("\n", "\\n"))
    return f"--set {messages.shorten(one_line)}"


def _make_data_path_absolute(tree: dict[str, object], *, folder: Path, origins: _Origins) -> None:
    data = tree.get("data")
    if not isinstance(data, dict):
        return
    # A path in the config is relative to the config, one in an override to the working folder.
    base = Path() if origins.override(("data", "path")) else folder
    match data.get("path"):
        case str(path) if path:
            data["path"] = _absolute(path, base, origins)
        case (*paths,) if all(isinstance(path, str) and path for path in paths):
            data["path"] = tuple(_absolute(str(path), base, origins) for path in paths)


def _absolute(path: str, base: Path, origins: _Origins) -> str:
    try:
        if "\0" in path:
            raise ValueError("it contains a NUL character")  # Python's own message differs by version
        return str((base / Path(path).expanduser()).absolute().resolve())
    except FileNotFoundError as error:
        raise ConfigError("the working folder does not exist any more; change to another one") from error
    except (RuntimeError, ValueError) as error:  # the former for ~nobody
        got = f"{origins.locate(('data', 'path'))}: data.path: got {messages.format_value(path)}"
        raise ConfigError(f"{got}; not a path ({str(error).rstrip('.')}); use the path of a file") from error


def _validate(tree: object, origins: _Origins) -> Experiment:
    try:
        return Experiment.model_validate(tree)
    except ValidationError as error:
        lines = []
        for details, path, group in messages.select_errors(error.errors(include_url=False)):
            key = f"{messages.format_path(path)}: " if path else ""
            lines.append(f"{origins.locate(path)}: {key}{messages.describe(details, group)}")
        raise ConfigError("\n".join(lines)) from None
