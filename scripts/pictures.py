"""Make the README's pictures anew: train configs/airline.yaml and keep its two plots, small. Run: make pictures"""

import io
import tempfile
from pathlib import Path

from PIL import Image

from rnnfc import config
from rnnfc.console import TrainingConsole
from rnnfc.run import FORECAST_PLOT, LOSS_PLOT
from rnnfc.workflows.prepare import prepare
from rnnfc.workflows.train import train

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "scripts" / "pictures"
# A page with two pictures should load at once; flat colours lose nothing in a palette of 256.
MAX_BYTES, COLOURS = 60_000, 256


def main() -> None:
    """Train in a temporary folder and write scripts/pictures/*.png.

    Raises:
        ValueError: a picture is larger than MAX_BYTES.
    """
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as outputs:
        prepared = prepare(config.load(ROOT / "configs" / "airline.yaml"))
        made = train(prepared, outputs=Path(outputs), listener=TrainingConsole())
        for name in (FORECAST_PLOT, LOSS_PLOT):
            buffer = io.BytesIO()
            Image.open(made.run.folder / name).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(
                buffer, format="png", optimize=True
            )
            if len(buffer.getvalue()) > MAX_BYTES:
                raise ValueError(f"{name}: {len(buffer.getvalue()):,} bytes, at most {MAX_BYTES:,} belong into the README")
            (PICTURES / name).write_bytes(buffer.getvalue())
            print(f"{PICTURES / name}: {len(buffer.getvalue()):,} bytes")


if __name__ == "__main__":
    main()
