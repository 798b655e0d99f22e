"""Forecast time series with recurrent networks: a YAML experiment in, a trained and scored network out."""

__version__ = "0.1.0"
