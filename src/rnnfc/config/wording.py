"""pydantic's errors in the user's words: the key as written, what is allowed, what to do."""

import difflib
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from rnnfc.config.specs import Experiment
from rnnfc.config.yaml12 import Path

_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list such as [50] or [64, 32]",
    "model_type": "a group of keys",
    "model_attributes_type": "a group of keys",
    "dict_type": "a group of keys",
    "finite_number": "a finite number",
    "missing": "given",
}
_BOUNDS = {
    "greater_than": ("gt", "greater than {}"),
    "greater_than_equal": ("ge", "{} or more"),
    "less_than": ("lt", "less than {}"),
    "less_than_equal": ("le", "{} or less"),
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
                path.append(part)  # an item of a list; a text here names the branch of a union (bidirectional -> bool)
            continue
        path.append(part)
        holder = group
        field = group.model_fields.get(str(part))
        members = _groups(field.annotation) if field else []
        if field is not None and field.discriminator is not None:
            tag = next(parts, None)
            members = [member for member in members if tag in get_args(member.model_fields["kind"].annotation)]
        group = members[0] if members else None
    return tuple(path), holder


def _groups(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) is None:
        return []
    return [group for argument in get_args(annotation) for group in _groups(argument)]


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
    given = f"got {shown(error['input'])}"
    if kind == "literal_error":
        return f"{given}; {_choices(error['input'], context['expected'])}"
    if kind == "union_tag_invalid":
        return f"kind is {context['tag']!r}; {_choices(context['tag'], context['expected_tags'])}"
    if kind == "union_tag_not_found":
        return "a group of keys that starts with kind is needed here; run 'rnnfc schema' for the kinds"
    if kind in _BOUNDS:
        name, text = _BOUNDS[kind]
        return f"{given}; must be {text.format(_plain(context[name]))}"
    if kind in _WANTED:
        return f"{given}; must be {_WANTED[kind]}"
    if kind == "string_pattern_mismatch":
        return f"{given}; letters, digits, '.', '_' and '-' are allowed, 64 at most, starting with a letter or digit"
    return f"{given}; {error['msg'][:1].lower()}{error['msg'][1:]}"


def shown(value: Any) -> str:
    """A short, one-line picture of a value."""
    if isinstance(value, Mapping):
        return "a group of keys"
    if value is None:
        return "nothing"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _plain(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"


def _choices(given: Any, expected: str) -> str:
    # pydantic lists them as "'a', 'b' or 'c'"
    allowed = [word.strip().strip("'") for word in expected.replace(" or ", ", ").split(",")]
    return f"{_suggest(str(given), allowed)}allowed: {', '.join(allowed)}"


def _suggest(given: str, allowed: list[str]) -> str:
    by_fold = {name.casefold(): name for name in allowed}
    near = difflib.get_close_matches(given.casefold(), list(by_fold), n=1, cutoff=0.6)
    return f"did you mean {by_fold[near[0]]!r}? " if near else ""
