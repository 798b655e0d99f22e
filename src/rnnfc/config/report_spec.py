"""report: what a finished run writes beside its scores."""

from typing import Literal

from pydantic import Field

from rnnfc.config.spec import Spec


class ReportSpec(Spec):
    """What a finished run writes beside its scores."""

    forecasts: Literal["sample", "all"] = Field(
        default="sample",
        description="all: every test forecast in forecast.parquet, too (needs the extra parquet); sample: those of "
        "forecast.csv, which has a sample above 200,000 rows",
    )
