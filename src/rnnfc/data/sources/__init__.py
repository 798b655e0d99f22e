"""Readers, one for each kind of data."""
