"""Data: sources become a Panel; scaling and windows are views of it."""
