"""rnnfc schema."""

import sys

from rnnfc.cli.options import app


@app.command(epilog="Example: rnnfc schema > rnnfc.schema.json")
def schema() -> None:
    """Print the JSON Schema of a config, for editors."""
    from rnnfc.cli.output import write
    from rnnfc.config.load import schema as config_schema

    write(sys.stdout, config_schema() + "\n")
