"""pydantic's errors in the user's words: the key as written, what is allowed, what to do."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from rnnfc.config.experiment import Experiment
from rnnfc.config.yaml12 import Path

_WANTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list such as [50] or [a, b]",
    "model_type": "a group of keys",
    "model_attributes_type": "a group of keys",
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
_ONE_CHARACTER = "must be one character, in quotes: ',' or ';' or '|'"
_GROUP_WANTED = ("model_type", "model_attributes_type")
# How to write a group where a plain value was given: by its key and the value, else by its key.
_FORMS: dict[Any, str] = {
    "early_stopping": "{patience: 5}",
    "clip": "{by: norm, limit: 1.0}",
    "scale": "minmax, or {method: minmax, by: all}",
    "schedule": "{kind: cosine}",
    ("schedule", "constant"): "{kind: constant}",
    ("schedule", "step"): "{kind: step, every: 10}",
    ("schedule", "plateau"): "{kind: plateau, patience: 10}",
}


def locate(loc: tuple[str | int, ...]) -> tuple[Path, type[BaseModel] | None]:
    """The path as the user wrote it (pydantic puts the tags of unions into its own), and the group that holds its last key."""
    path: list[str | int] = []
    holder: type[BaseModel] | None = None
    group: type[BaseModel] | None = Experiment
    parts = iter(loc)
    for part in parts:
        if group is None:
            if isinstance(part, int):
                path.append(
                    part
                )  # an item of a list; a text here names the branch of a union (bidirectional -> bool)
            continue
        path.append(part)
        holder = group
        field = group.model_fields.get(str(part))
        members = _groups(field.annotation) if field else []
        if field is not None and field.discriminator is not None:
            tag = next(parts, None)
            members = [
                member for member in members if tag in get_args(member.model_fields["kind"].annotation)
            ]
        group = members[0] if members else None
    return tuple(path), holder


def _groups(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [group for argument in get_args(annotation) for group in _groups(argument)]


def worth_saying(
    errors: Sequence[ErrorDetails],
) -> Iterator[tuple[ErrorDetails, Path, type[BaseModel] | None]]:
    """The errors that no other one says better, each with the path to blame and the group that holds its last key."""
    located = [(error, *locate(error["loc"])) for error in errors]
    meant = set()  # keys that a misspelled one stands for
    for error, path, holder in located:
        if error["type"] == "extra_forbidden" and holder:
            meant.add((*path[:-1], _nearest(str(path[-1]), sorted(holder.model_fields))))
    for error, path, holder in located:
        if not is_echo(error) and not (error["type"] == "missing" and path in meant):
            yield error, (*path, *error.get("ctx", {}).get("at", ())), holder


def is_echo(error: ErrorDetails) -> bool:
    """Whether another error says it better: for a list found too short without its wrong items, and a union's other branch."""
    kind, given, last = error["type"], error["input"], str(error["loc"][-1:])
    if kind == "too_short":
        return len(given) > int(error["ctx"]["actual_length"])
    # Of `bidirectional: bool | tuple[bool, ...]` only the branch with the shape of the given value is worth a line.
    return "'bool'" in last if isinstance(given, tuple) else kind == "tuple_type" and "'tuple[" in last


def written(path: Path) -> str:
    """The path with dots, on one line whatever characters its keys hold."""
    return ".".join(
        part if isinstance(part, str) and part and part.isprintable() else repr(part) for part in path
    )


def sentence(error: ErrorDetails, holder: type[BaseModel] | None) -> str:
    """What is wrong and what to do, without the place."""
    kind, context = error["type"], error.get("ctx", {})
    key = str(error["loc"][-1]) if error["loc"] else ""
    if kind == "rule":
        return error["msg"]
    if kind == "missing":
        return f"missing; add {key!r}"
    if kind == "extra_forbidden":
        allowed = sorted(holder.model_fields) if holder else []
        return f"unknown key; {_suggest(key, allowed)}allowed here: {', '.join(allowed)}"
    if kind == "union_tag_not_found":
        kinds = (
            [name for group in _groups(holder.model_fields[key].annotation) for name in _kinds(group)]
            if holder
            else []
        )
        return f"a group of keys that starts with kind is needed here; kinds: {', '.join(kinds)}"
    return _value_sentence(error, key, context)


def _value_sentence(error: ErrorDetails, key: str, context: dict[str, Any]) -> str:
    kind, given = error["type"], f"got {shown(error['input'])}"
    if kind == "literal_error":
        return f"{given}; {_choices(error['input'], context['expected'])}"
    if kind == "union_tag_invalid":
        return (
            f"kind is {shown(error['input']['kind'])}; {_choices(context['tag'], context['expected_tags'])}"
        )
    if kind in _BOUNDS:
        name, text = _BOUNDS[kind]
        return f"{given}; {_ONE_CHARACTER if key == 'separator' else text.format(_plain(context[name]))}"
    if kind in _WANTED:
        form = _FORMS.get((key, str(error["input"])), _FORMS.get(key)) if kind in _GROUP_WANTED else None
        return f"{given}; {f'write it as {form}' if form else f'must be {_WANTED[kind]}'}"
    if kind == "string_pattern_mismatch":
        return f"{given}; letters, digits, '.', '_' and '-' are allowed, 64 at most, starting with a letter or digit"
    return f"{given}; {error['msg'][:1].lower()}{error['msg'][1:]}"


def _kinds(group: type[BaseModel]) -> tuple[str, ...]:
    return get_args(group.model_fields["kind"].annotation)


def shown(value: Any) -> str:
    """A short, one-line picture of a value."""
    if isinstance(value, Mapping):
        return "a group of keys"
    if value is None:
        return "nothing"
    if isinstance(value, tuple):
        return short(f"[{', '.join(map(shown, value))}]")
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return short(text)


def short(text: str) -> str:
    """`text`, its end cut off past 60 characters."""
    return text if len(text) <= 60 else f"{text[:57]}..."


def _plain(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"


def _choices(given: Any, expected: str) -> str:
    allowed = re.findall("'([^']*)'", expected)  # pydantic lists them as "'a', 'b' or 'c'"
    words = [word if re.fullmatch(r"[\w-]+", word) else repr(word) for word in allowed]
    return f"{_suggest(str(given), allowed)}allowed: {', '.join(words)}"


def _suggest(given: str, allowed: list[str]) -> str:
    near = _nearest(given, allowed)
    return f"did you mean {near!r}? " if near else ""


def _nearest(given: str, allowed: list[str]) -> str | None:
    by_fold = {name.casefold(): name for name in allowed}
    near = difflib.get_close_matches(given.casefold(), list(by_fold), n=1, cutoff=0.6)
    return by_fold[near[0]] if near else None
