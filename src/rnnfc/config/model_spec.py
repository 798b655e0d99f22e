"""ModelSpec: the union of the specs of all model families, told apart by `kind`."""

from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

from rnnfc.config.network_spec import FamilySpec
from rnnfc.extensions import FAMILIES, load_record

if TYPE_CHECKING:
    ModelSpec = FamilySpec
else:
    _SPECS = tuple(load_record(FAMILIES, kind).spec for kind in FAMILIES)
    ModelSpec = Annotated[Union[_SPECS], Field(discriminator="kind")]  # noqa: UP007  built from a table
