"""Experiments as YAML: the keys, their rules and defaults, and the messages about them."""
