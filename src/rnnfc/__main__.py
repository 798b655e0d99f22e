"""`python -m rnnfc`, the same as `rnnfc`."""

from rnnfc.cli import main

main()
