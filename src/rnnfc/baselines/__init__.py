"""Simple forecasters that every network is compared with."""
