"""Experiments: from a YAML file and `--set` overrides to a frozen `Experiment`, and back to YAML."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rnnfc.config import wording, yaml12
from rnnfc.config.specs import Experiment
from rnnfc.errors import ConfigError


def load(path: Path, overrides: Sequence[str] = ()) -> Experiment:
    """The experiment in a YAML file, after `key.path=value` overrides; a relative data path is made absolute.

    Raises:
        ConfigError: all mistakes at once, each as `file:line: key: what is wrong, what is allowed`.
    """
    document = yaml12.parse(_read(path), source=str(path))
    if document.value is None:
        raise ConfigError(f"{path}: empty; 'rnnfc init NAME' writes a config to start from")
    if not isinstance(document.value, dict):
        raise ConfigError(f"{path}:1: a config is a group of keys (name, data, window, ...); 'rnnfc init NAME' writes one")
    origins: dict[yaml12.Path, str] = {}
    for override in overrides:
        key_path = _override(document.value, override)
        origins[key_path] = f"--set {override}"
    _anchor_data_path(document.value, folder=path.parent, overridden=("data", "path") in origins)
    return _validate(document, source=str(path), origins=origins)


def from_yaml(text: str, *, source: str) -> Experiment:
    """The experiment in `text`, a resolved config that this tool wrote."""
    return _validate(yaml12.parse(text, source=source), source=source, origins={})


def to_yaml(experiment: Experiment) -> str:
    """The resolved experiment; `load` and `from_yaml` read it back to an equal one."""
    plain = json.loads(experiment.model_dump_json(exclude_none=True))
    # Both quote what YAML 1.1 or 1.2 would read as something else; JSON text is YAML 1.2 text.
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in plain.items())


def schema() -> str:
    """The JSON Schema of a config, for editors."""
    contract: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Experiment.model_json_schema()}
    return json.dumps(contract, indent=2)


def starter(name: str) -> str:
    """A commented config to start from.

    Raises:
        ConfigError: `name` is not a valid experiment name.
    """
    text = (Path(__file__).parent / "starter.yaml").read_text(encoding="utf-8").replace("NAME", name)
    _validate(yaml12.parse(text, source="the name"), source="the name", origins={})
    return text


def _read(path: Path) -> str:
    try:
        return path.read_bytes()[: 4 * yaml12.MAX_CHARACTERS + 4].decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; 'rnnfc init NAME' writes a config to start from") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: a folder, not a config; name a YAML file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None


def _override(tree: dict[str, Any], override: str) -> yaml12.Path:
    """Set one key in `tree`; returns its path."""
    key, equals, text = override.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise ConfigError(f"--set {override}: write it as key.path=value, e.g. --set train.epochs=5")
    group = tree
    for depth, part in enumerate(parts[:-1]):
        group = group.setdefault(part, {})
        if not isinstance(group, dict):
            raise ConfigError(
                f"--set {override}: {'.'.join(parts[: depth + 1])} is a value, not a group of keys; set it as a whole"
            )
    group[parts[-1]] = yaml12.parse(text, source=f"--set {override}").value
    return tuple(parts)


def _anchor_data_path(tree: dict[str, Any], *, folder: Path, overridden: bool) -> None:
    data = tree.get("data")
    if isinstance(data, dict) and isinstance(data.get("path"), str) and data["path"]:
        # A path in the config is relative to the config, one typed on the command line to where it is typed.
        base = Path.cwd() if overridden else folder.absolute()
        data["path"] = str((base / Path(data["path"]).expanduser()).resolve())


def _validate(document: yaml12.Document, *, source: str, origins: dict[yaml12.Path, str]) -> Experiment:
    try:
        return Experiment.model_validate(document.value)
    except ValidationError as error:
        lines = []
        for details in error.errors(include_url=False):
            path, holder = wording.locate(details["loc"])
            where = _where(path, document.lines, source=source, origins=origins)
            key = ".".join(map(str, path))
            lines.append(f"{where}: {key + ': ' if key else ''}{wording.sentence(details, holder)}")
        raise ConfigError("\n".join(dict.fromkeys(lines))) from None


def _where(path: yaml12.Path, lines: dict[yaml12.Path, int], *, source: str, origins: dict[yaml12.Path, str]) -> str:
    """`file:line` of the innermost part of `path` that the file has, or the override that set it."""
    for end in range(len(path), -1, -1):
        if path[:end] in origins:
            return origins[path[:end]]
        if path[:end] in lines:
            return f"{source}:{lines[path[:end]]}"
    return source


__all__ = ["Experiment", "from_yaml", "load", "schema", "starter", "to_yaml"]
