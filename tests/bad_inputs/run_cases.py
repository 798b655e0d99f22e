"""Run every case of the YAML files in this folder in one process; print what each did, a JSON line a case.

Usage, in the folder tests: python -m bad_inputs.run_cases RUN WORK: a finished run of configs/sine.yaml, an empty folder.
"""

import contextlib
import io
import json
import os
import shlex
import shutil
import sys
import traceback
from pathlib import Path
from typing import Any

import yaml
from sealing import seal

from rnnfc import memory
from rnnfc.cli import main

HERE = Path(__file__).parent
TOPICS = ("configs", "csvs", "runs", "options")
# Of every machine, so that the same cases do not fit.
MEMORY = 8 * 2**30


def cases(topic: str) -> dict[str, dict[str, Any]]:
    """The cases of a topic by name."""
    return dict(yaml.safe_load((HERE / f"{topic}.yaml").read_text(encoding="utf-8")))


def replace_once(text: str, changes: dict[str, str]) -> str:
    """`text` with each key replaced by its value, once."""
    for old, new in changes.items():
        if old not in text:
            raise ValueError(f"{old!r} is not in the file to change")
        text = text.replace(old, new, 1)
    return text


def content(case: dict[str, Any], base: Path) -> bytes:
    """What the case writes instead of `base`."""
    if "bytes" in case:
        return str(case["bytes"]).encode("latin-1")
    if "text" in case:
        return str(case["text"]).encode()
    return replace_once(base.read_text(encoding="utf-8"), case.get("change", {})).encode()


def write_case(topic: str, case: dict[str, Any], finished: Path, *, folder: Path) -> list[str]:
    """Write the case's files into `folder`; return its command line, which runs there."""
    shutil.copy(HERE / "rows.csv", folder)
    if topic == "configs":
        (folder / "bad.yaml").write_bytes(content(case, HERE / "base.yaml"))
    elif topic == "csvs":
        (folder / "rows.csv").write_bytes(content(case, HERE / "rows.csv"))
        (folder / "bad.yaml").write_text(
            replace_once((HERE / "base.yaml").read_text(encoding="utf-8"), case.get("config", {}))
        )
    elif topic == "options":
        shutil.copy(HERE / "base.yaml", folder)
        (folder / "runs").mkdir()
    else:
        for name in ("run", "other"):
            shutil.copytree(finished, folder / name)
        path = folder / "run" / case["file"]
        path.unlink() if case.get("remove") else path.write_bytes(content(case, path))
        seal(folder / "run")
    return shlex.split(case.get("command", "train bad.yaml"))


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Every path below `folder`, with the bytes of files."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def outcome(topic: str, name: str, finished: Path, work: Path) -> dict[str, Any]:
    """What the command line of one case did."""
    folder = work / topic
    folder.mkdir()
    os.chdir(folder)
    arguments = write_case(topic, cases(topic)[name], finished, folder=folder)
    before, out, err, code = snapshot(work), io.StringIO(), io.StringIO(), None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as stopped:
            code = stopped.code
        except BaseException:
            traceback.print_exc()
    untouched = snapshot(work) == before
    shutil.rmtree(folder)
    return {
        "topic": topic,
        "name": name,
        "code": code,
        "out": out.getvalue(),
        "err": err.getvalue(),
        "untouched": untouched,
        "tensorflow": "tensorflow" in sys.modules or "keras" in sys.modules,
    }


if __name__ == "__main__":
    memory.available_bytes = lambda: MEMORY
    finished, work = (Path(argument).resolve() for argument in sys.argv[1:])
    for topic in TOPICS:
        for name in cases(topic):
            sys.stdout.write(json.dumps(outcome(topic, name, finished, work)) + "\n")
