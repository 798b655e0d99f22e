"""split: the training, validation and test rows."""

import datetime as dt
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from rnnfc.config.spec import Spec, wrong


def _check_border(value: object) -> object:
    text = "must be a fraction between 0 and 1, a number of rows (1 or more), or the date of its first row such as 1989-01-01"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise wrong(text)
    if isinstance(value, str):
        try:
            parsed = dt.datetime.fromisoformat(value)
        except ValueError:
            raise wrong(text) from None
        if parsed.tzinfo is not None:
            raise wrong("remove the UTC offset; write the date in the local time of the data")
    elif (isinstance(value, float) and not 0 < value < 1) or (isinstance(value, int) and value < 1):
        raise wrong(text)
    return value


_BORDER_SCHEMA = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        {"type": "integer", "minimum": 1},
        {"type": "string", "examples": ["1989-01-01", "1989-01-01T06:00"]},
    ]
}
# float, int or str; Any, because the kind of one part fixes that of the others.
Border = Annotated[Any, BeforeValidator(_check_border), WithJsonSchema(_BORDER_SCHEMA)]


class SplitSpec(Spec):
    """The target rows of training, validation (optional) and test, in time order.

    Fractions or row counts of each series, or the date of the first target row. Without `train`, training has the other rows.
    """

    train: Border | None = Field(None, description="first part; without it all rows before the others")
    validation: Border | None = Field(None, description="for early stopping and model choices; optional")
    test: Border = Field(description="last part, for the report only")
    rows_from: Literal["start", "end"] = Field(
        "end",
        description="row counts only; start: the parts begin with the first row, and rows after them are not used",
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        parts = [part for part in (self.train, self.validation, self.test) if part is not None]
        if len({type(part) for part in parts}) > 1:
            raise wrong("mixes fractions, row counts and dates; use one kind for all parts (or remove train)")
        if self.rows_from == "start" and (self.train is None or not isinstance(self.test, int)):
            raise wrong("rows_from: start needs train and test as row counts; set them, or remove rows_from")
        if isinstance(self.test, str):
            if self.train is not None:
                raise wrong("with dates, remove train: training has all rows before the first date")
            starts = [dt.datetime.fromisoformat(date) for date in parts]
            if len(starts) > 1 and starts[0] >= starts[1]:
                raise wrong(
                    f"validation starts on {self.validation}, not before test on {self.test}; swap or change the dates"
                )
        elif isinstance(self.test, float):
            total = sum(parts)
            if self.train is not None and abs(total - 1) > 1e-9:
                raise wrong(f"the fractions add up to {total:g}; make them add up to 1 or remove train")
            if self.train is None and total >= 1:
                raise wrong(f"validation and test add up to {total:g}, which leaves no rows to train on")
        return self

    @property
    def num_rows(self) -> int:
        """The row counts of all parts together; 0 for fractions and dates."""
        return sum(part for part in (self.train, self.validation, self.test) if isinstance(part, int))
