"""Spec: what every group of keys has in common, and the error for a rule of ours."""

from collections.abc import Mapping
from typing import Annotated, TypeVar, Union

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetPydanticSchema
from pydantic_core import PydanticCustomError, core_schema

from rnnfc.extensions import load_record

MAX_SEED = 2**31 - 1


class Spec(BaseModel):
    """A frozen group of keys: unknown keys, wrong types, NaN and infinity are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def wrong(text: str, *, at: tuple[str, ...] = ()) -> PydanticCustomError:
    """The error for a rule of ours; braces in `text` stay as they are. `at`: the key to blame, below the validated group."""
    return PydanticCustomError("rule", "{text}", {"text": text, "at": at})


def names_of(table: Mapping[str, object]) -> GetPydanticSchema:
    """Annotates a `str` field as one of the names in an extension table, as `Literal` does for names written out."""
    return GetPydanticSchema(lambda *_: core_schema.literal_schema([*table]))


def spec_of_kind(table: Mapping[str, str]) -> object:
    """The type of a group of keys whose `kind` names a record in `table`: the union of the records' specs."""
    specs = tuple(load_record(table, name).spec for name in table)
    return Annotated[Union[specs], Field(discriminator="kind")]  # noqa: UP007 - a union made at run time


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    if twice := [name for name in names if names.count(name) > 1]:
        raise wrong(f"names {twice[0]} twice; name each once")
    return names


Name = TypeVar("Name", bound=str)
Once = Annotated[tuple[Name, ...], AfterValidator(_once)]
