"""Losses: one record a module, tied to its name in the YAML by `rnnfc.extensions.LOSSES`."""
