"""window: how many rows the network sees and forecasts."""

from typing import Literal

from pydantic import Field

from rnnfc.config.spec import Spec


class WindowSpec(Spec):
    """How many rows the network sees (`length`) and how many it forecasts (`horizon`)."""

    length: int = Field(ge=1, le=1_000_000, description="rows that the network reads for one forecast")
    horizon: int = Field(1, ge=1, le=100_000, description="rows that it forecasts")
    stride: int = Field(
        1,
        ge=1,
        le=1_000_000_000,
        description="one training window in so many rows, at every phase of the season; validation and test use every window",
    )
    normalize: Literal["none", "last", "mean_std", "difference"] = Field(
        "none",
        description="normalization of each window for the network, undone in the forecast. last: minus the last row; mean_std: "
        "minus the mean, divided by the standard deviation; difference: the changes from row to row",
    )
