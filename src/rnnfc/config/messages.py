"""Messages for errors of pydantic: the key as the user wrote it, what is allowed, what to do."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from rnnfc.config.experiment import Experiment
from rnnfc.config.other_names import find_key
from rnnfc.config.spec import SHAPES
from rnnfc.config.yaml12 import Path

_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list such as [50] or [a, b]",
    "model_type": "a group of keys",
    "model_attributes_type": "a group of keys",
    "dict_type": "a group of keys",
    "finite_number": "a finite number",
}
_BOUNDS = {
    "greater_than": ("gt", "must be greater than {}"),
    "greater_than_equal": ("ge", "must be {} or more"),
    "multiple_of": ("multiple_of", "must be a multiple of {}"),
    "less_than": ("lt", "must be less than {}"),
    "less_than_equal": ("le", "must be {} or less"),
    "too_short": ("min_length", "its length must be {} or more"),
    "too_long": ("max_length", "its length must be {} or less"),
    "string_too_short": ("min_length", "its length must be {} or more"),
    "string_too_long": ("max_length", "its length must be {} or less"),
}
_GROUP_ERRORS = ("model_type", "model_attributes_type", "dict_type")
# How to write a group that the user wrote as a plain value: by its key and the value, else by its key.
_FORMS: dict[object, str] = {
    "early_stopping": "{patience: 5}",
    "resample": "{every: 5min, by: mean}",
    "where": "{COLUMN: CELL}",
    "clip": "{by: norm, limit: 1.0}",
    "scale": "minmax, or {method: minmax, by: all}",
    "schedule": "{kind: cosine}",
    ("schedule", "constant"): "{kind: constant}",
    ("schedule", "step"): "{kind: step, every: 10}",
    ("schedule", "plateau"): "{kind: plateau, patience: 10}",
}


def locate(loc: tuple[str | int, ...]) -> tuple[Path, type[BaseModel] | None]:
    """The path of an error as the user wrote it, and the group of its last key; pydantic's `loc` has the tags of unions, too."""
    path: list[str | int] = []
    group: type[BaseModel] | None = None
    below: type[BaseModel] | None = Experiment
    parts = iter(loc)
    for part in parts:
        if below is None:
            if isinstance(part, int):
                # An item of a list; a string here is the branch of a union (bidirectional -> bool).
                path.append(part)
            continue
        if part in SHAPES and part not in below.model_fields:
            below = below if part == "group" else None
            continue
        path.append(part)
        group = below
        field = group.model_fields.get(str(part))
        members = _groups(field.annotation) if field else []
        if field is not None and field.discriminator is not None:
            tag = next(parts, None)
            members = [
                member for member in members if tag in get_args(member.model_fields["kind"].annotation)
            ]
        below = members[0] if members else None
    return tuple(path), group


def _groups(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [group for argument in get_args(annotation) for group in _groups(argument)]


def select_errors(
    errors: Sequence[ErrorDetails],
) -> Iterator[tuple[ErrorDetails, Path, type[BaseModel] | None]]:
    """The errors to report, each with the path to blame and the group of its last key; consequences of others are left out."""
    located = [(error, *locate(error["loc"])) for error in errors]
    misspelled = set()  # the keys that the user meant
    for error, path, group in located:
        if error["type"] == "extra_forbidden" and group:
            misspelled.add((*path[:-1], _nearest(str(path[-1]), sorted(group.model_fields))))
    for error, path, group in located:
        if not is_redundant(error) and not (error["type"] == "missing" and path in misspelled):
            yield error, (*path, *error.get("ctx", {}).get("key", ())), group


def is_redundant(error: ErrorDetails) -> bool:
    """Whether the error follows from another one: a list too short without its invalid items, the other branch of a union."""
    kind, value, last = error["type"], error["input"], str(error["loc"][-1:])
    if kind == "too_short":
        return len(value) > int(error["ctx"]["actual_length"])
    # Of `bidirectional: bool | tuple[bool, ...]` only the branch with the shape of the value is reported.
    return "'bool'" in last if isinstance(value, tuple) else kind == "tuple_type" and "'tuple[" in last


def format_path(path: Path) -> str:
    """The path with dots, on one line; keys with unprintable characters are quoted."""
    return ".".join(
        part if isinstance(part, str) and part and part.isprintable() else repr(part) for part in path
    )


def describe(error: ErrorDetails, group: type[BaseModel] | None) -> str:
    """What is wrong and what to do, without the location."""
    kind, context = error["type"], error.get("ctx", {})
    key = str(error["loc"][-1]) if error["loc"] else ""
    if kind == "rule":
        return error["msg"]
    if kind == "missing":
        return f"missing; add {key!r}"
    if kind == "extra_forbidden":
        allowed = sorted(group.model_fields) if group else []
        known = find_key(key)
        hint = f"it is {known} here; " if known else _suggest(key, allowed)
        return f"unknown key; {hint}allowed here: {', '.join(allowed)}"
    if kind == "union_tag_not_found":
        kinds = (
            [name for member in _groups(group.model_fields[key].annotation) for name in _kinds(member)]
            if group
            else []
        )
        return f"must be a group of keys with kind; kinds: {', '.join(kinds)}"
    return _describe_value(error, key, context)


def _describe_value(error: ErrorDetails, key: str, context: Mapping[str, object]) -> str:
    kind, got = error["type"], f"got {format_value(error['input'])}"
    if kind == "literal_error":
        return f"{got}; {_choices(error['input'], str(context['expected']))}"
    if kind == "union_tag_invalid" and not isinstance(error["input"], Mapping | BaseModel):
        return f"{got}; must be text"
    if kind == "union_tag_invalid" and "kind" not in error["input"]:
        return f"{got}; must be text or a list"
    if kind == "union_tag_invalid":
        return f"kind is {format_value(error['input']['kind'])}; {_choices(context['tag'], str(context['expected_tags']))}"
    if kind in _BOUNDS:
        name, text = _BOUNDS[kind]
        return f"{got}; {text.format(_format_number(context[name]))}{_fraction_hint(error)}"
    if kind in _EXPECTED:
        form = _FORMS.get((key, str(error["input"])), _FORMS.get(key)) if kind in _GROUP_ERRORS else None
        return f"{got}; {f'write it as {form}' if form else f'must be {_EXPECTED[kind]}'}"
    if kind == "string_pattern_mismatch":
        return f"{got}; letters, digits, '.', '_' and '-' are allowed, 64 at most, starting with a letter or digit"
    return f"{got}; {error['msg'][:1].lower()}{error['msg'][1:]}"


def _fraction_hint(error: ErrorDetails) -> str:
    """What a quantile level in percent is as a fraction."""
    value = error["input"]
    is_percent = "levels" in error["loc"] and isinstance(value, int | float) and 1 < value < 100
    return f"; a level is a fraction, write {value / 100:g} for {value:g} %" if is_percent else ""


def _kinds(group: type[BaseModel]) -> tuple[str, ...]:
    return get_args(group.model_fields["kind"].annotation)


def format_value(value: object) -> str:
    """A value as short text on one line."""
    if isinstance(value, Mapping):
        return "a group of keys"
    if value is None:
        return "nothing"
    if isinstance(value, tuple):
        return shorten(f"[{', '.join(map(format_value, value))}]")
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return shorten(text)


def shorten(text: str) -> str:
    """`text`, cut after 60 characters."""
    return text if len(text) <= 60 else f"{text[:57]}..."


def _format_number(number: object) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"


def _choices(value: object, expected: str) -> str:
    allowed = re.findall("'([^']*)'", expected)  # pydantic lists them as "'a', 'b' or 'c'"
    words = [word if re.fullmatch(r"[\w-]+", word) else repr(word) for word in allowed]
    return f"{_suggest(str(value), allowed)}allowed: {', '.join(words)}"


def _suggest(name: str, allowed: list[str]) -> str:
    near = _nearest(name, allowed)
    return f"did you mean {near!r}? " if near else ""


def _nearest(name: str, allowed: list[str]) -> str | None:
    by_fold = {choice.casefold(): choice for choice in allowed}
    near = difflib.get_close_matches(name.casefold(), list(by_fold), n=1, cutoff=0.6)
    return by_fold[near[0]] if near else None
