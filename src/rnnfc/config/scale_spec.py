"""scale: transform and scaling of the values."""

from typing import Any, Literal

from pydantic import Field

from rnnfc.config.spec import Spec


class ScaleSpec(Spec):
    """How values are brought to one size, fitted on training rows only; `scale: minmax` is short for `{method: minmax}`."""

    method: Literal["none", "minmax", "standard"] = "minmax"
    by: Literal["series", "all"] = Field(
        default="series", description="numbers for each series, or one for all of them"
    )
    transform: Literal["none", "log", "box_cox"] = Field(
        default="none",
        description="of the targets, before the method; log is the natural one; both need values above 0",
    )

    @property
    def label(self) -> str:
        """Transform and method, for people; none where neither changes a value."""
        return ", ".join(part for part in (self.transform, self.method) if part != "none") or "none"


def as_scale(value: Any) -> Any:
    return {"method": value} if isinstance(value, str) else value
