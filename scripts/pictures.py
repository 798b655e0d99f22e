"""Draw the plots of README and docs: of configs/airline.yaml, and of three networks explained; small. Run: make pictures"""

import io
import tempfile
from pathlib import Path

from PIL import Image

from rnnfc.cli.training_console import TrainingConsole
from rnnfc.config.load import load
from rnnfc.runs.run import EXPLAIN_PLOT, FORECAST_PLOT, LOSS_PLOT, Run
from rnnfc.workflows.explain import explain
from rnnfc.workflows.prepare import prepare
from rnnfc.workflows.train import train

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "scripts" / "pictures"
# A page with three pictures should load at once; flat colours lose nothing in a palette of 256.
MAX_BYTES, COLOURS = 60_000, 256


EXPLAINED = ("explain_rnn", "explain_sigmoid", "explain_lstm")


def main() -> None:
    """Train in a temporary folder and write scripts/pictures/*.png.

    Raises:
        ValueError: a picture is larger than MAX_BYTES.
    """
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        outputs = Path(folder)
        airline = trained("airline", outputs)
        explained, _ = explain([trained(name, outputs) for name in EXPLAINED], outputs=outputs)
        for picture in (airline.folder / FORECAST_PLOT, airline.folder / LOSS_PLOT, explained / EXPLAIN_PLOT):
            keep_small(picture)


def trained(name: str, outputs: Path) -> Run:
    """The run of configs/<name>.yaml."""
    prepared = prepare(load(ROOT / "configs" / f"{name}.yaml"))
    return train(prepared, outputs=outputs, listener=TrainingConsole()).run


def keep_small(picture: Path) -> None:
    """Write the picture to PICTURES with COLOURS colours."""
    buffer = io.BytesIO()
    Image.open(picture).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(
        buffer, format="png", optimize=True
    )
    if len(buffer.getvalue()) > MAX_BYTES:
        raise ValueError(
            f"{picture.name}: {len(buffer.getvalue()):,} bytes, at most {MAX_BYTES:,} are allowed in the documentation"
        )
    (PICTURES / picture.name).write_bytes(buffer.getvalue())
    print(f"{PICTURES / picture.name}: {len(buffer.getvalue()):,} bytes")


if __name__ == "__main__":
    main()
