"""BASELINES: the record of every forecaster without a network, one file each, and their fit."""

import importlib.util
from collections.abc import Sequence

from rnnfc import extensions
from rnnfc.baselines.baseline import Baseline
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Splits
from rnnfc.errors import MissingExtraError
from rnnfc.evaluation.forecast import Predictor

BASELINES: dict[str, Baseline] = {
    name: extensions.load_record(table, name)
    for table in (extensions.BASELINES, extensions.OPTIONAL_BASELINES)
    for name in table
}


def fit_all(
    optional: Sequence[str], splits: Splits, scaler: Scaler, *, season: int | None
) -> list[Predictor]:
    """Every baseline that applies, then those of `optional`, fitted on the training rows of unscaled splits."""
    records = [BASELINES[name] for name in (*extensions.BASELINES, *optional)]
    return [
        record.fit(splits, scaler, season)
        for record in records
        if season is not None or not record.needs_season
    ]


def refuse_missing_extra(optional: Sequence[str]) -> None:
    """Refuse baselines whose package is not installed; it is not imported.

    Raises:
        MissingExtraError: names the package and how to install it.
    """
    packages = {BASELINES[name].package for name in optional} - {""}
    if missing := sorted(package for package in packages if importlib.util.find_spec(package) is None):
        raise MissingExtraError(
            f"baselines: {' and '.join(optional)} need {' and '.join(missing)}; "
            "install it with: pip install 'rnnfc[stats]', or leave them out"
        )
