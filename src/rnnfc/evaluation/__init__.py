"""Forecasts, their metrics and the significance of differences."""
