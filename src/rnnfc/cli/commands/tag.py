"""rnnfc tag."""

from typing import Annotated

import typer

from rnnfc.cli.options import OUTPUTS, AsJson, Outputs, app, print_json
from rnnfc.errors import ConfigError


@app.command(epilog="Example: rnnfc tag sine production")
def tag(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN TAG]",
            help="A run, and the tag that names it from now on; without them, the tags are listed.",
        ),
    ] = None,
    remove: Annotated[
        bool, typer.Option("--delete", help="Delete the named tags; their runs stay: TAG... --delete.")
    ] = False,
    outputs: Outputs = OUTPUTS,
    as_json: AsJson = False,
) -> None:
    """Name a run, whatever is trained later."""
    from rnnfc.cli.output import show_note, show_table
    from rnnfc.runs.tags import read_tags, remove_tag
    from rnnfc.workflows.tag import tag_run

    names = names or []
    if remove and not names:
        raise ConfigError("name the tag to delete: rnnfc tag TAG --delete")
    if remove:
        for name in names:
            remove_tag(outputs, name)
            show_note("deleted", f"tag {name}; its run stays")
    elif len(names) == 2:
        tagged = tag_run(names[0], names[1], outputs=outputs)
        show_note("tagged", str(tagged.run.folder))
        if tagged.previous:
            show_note("before", str(outputs / tagged.previous))
    elif names:
        raise ConfigError(f"tag takes a run and its tag, not {len(names)} names: rnnfc tag RUN TAG")
    tags = read_tags(outputs)
    if as_json:
        print_json(tags)
        return
    if tags:
        show_table(["tag", "run"], [[name, run] for name, run in tags.items()])
    elif not remove:
        show_note("tags", f"none in {outputs}; set one with: rnnfc tag RUN TAG")
