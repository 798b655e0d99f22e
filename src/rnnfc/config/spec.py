"""Spec: the base of every group of keys, and the error for a rule that pydantic does not have."""

from collections.abc import Mapping
from typing import Annotated, TypeVar, Union

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetPydanticSchema
from pydantic_core import PydanticCustomError, core_schema

from rnnfc.extensions import load_record

MAX_SEED = 2**31 - 1


class Spec(BaseModel):
    """A frozen group of keys: unknown keys, wrong types, NaN and infinity are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)


def wrong(text: str, *, key: tuple[str, ...] = ()) -> PydanticCustomError:
    """The error for a broken rule; braces in `text` stay as they are.

    Args:
        key: path of the key to blame, below the validated group.
    """
    return PydanticCustomError("rule", "{text}", {"text": text, "key": key})


def names_of(table: Mapping[str, object]) -> GetPydanticSchema:
    """Annotates a `str` field as one of the names in an extension table, as `Literal` does for names written out."""
    return GetPydanticSchema(lambda *_: core_schema.literal_schema([*table]))


def spec_of_kind(table: Mapping[str, str]) -> object:
    """The type of a group of keys whose `kind` names a record in `table`: the union of the records' specs."""
    specs = tuple(load_record(table, name).spec for name in table)
    return Annotated[Union[specs], Field(discriminator="kind")]  # noqa: UP007 - the union is known at run time only


def _refuse_duplicates(names: tuple[str, ...]) -> tuple[str, ...]:
    if duplicates := [name for name in names if names.count(name) > 1]:
        raise wrong(f"{duplicates[0]} is listed twice; list each once")
    return names


Name = TypeVar("Name", bound=str)
Distinct = Annotated[tuple[Name, ...], AfterValidator(_refuse_duplicates)]


# Tags of the branches that a value may take by its shape; `messages.locate` leaves them out of a path.
SHAPES = ("text", "list", "group", "none")


def shape_of(value: object) -> str:
    """The shape of a value, by which one branch of a union reports its errors: text (any single value), list, group or none."""
    if isinstance(value, Mapping | BaseModel):
        return "group"
    return "none" if value is None else "list" if isinstance(value, tuple | list) else "text"
