"""scale: transform and scaling of the values."""

from typing import Literal

from pydantic import Field

from rnnfc.config.spec import Spec


class ScaleSpec(Spec):
    """Scaling, fitted on training rows only; `scale: minmax` is short for `{method: minmax}`."""

    method: Literal["none", "minmax", "standard"] = Field(
        default="minmax",
        description="minmax: to [0, 1]; standard: to mean 0 and standard deviation 1; both of the training rows",
    )
    by: Literal["series", "all"] = Field(
        default="series", description="fit each series, or all of them together"
    )
    transform: Literal["none", "log", "box_cox"] = Field(
        default="none",
        description="of the targets, before scaling; log is the natural logarithm; both need values above 0",
    )

    @property
    def label(self) -> str:
        """Transform and method, for people; none if neither changes a value."""
        return ", ".join(part for part in (self.transform, self.method) if part != "none") or "none"


def as_scale(value: object) -> object:
    return {"method": value} if isinstance(value, str) else value
