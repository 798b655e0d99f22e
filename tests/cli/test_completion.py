"""Completion in a real shell."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RNNFC = Path(sys.executable).parent / "rnnfc"
BASH = shutil.which("bash")


def complete(folder: Path, *words: str) -> list[str]:
    """What bash proposes for the last of `words`."""
    quoted = " ".join(f"'{word}'" for word in words)
    script = (
        f'eval "$({RNNFC} --show-completion bash)"; COMP_WORDS=({RNNFC} {quoted}); COMP_CWORD={len(words)}; '
        f"_rnnfc_completion {RNNFC}; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    done = subprocess.run([str(BASH), "-c", script], capture_output=True, text=True, cwd=folder, check=True)
    return done.stdout.split()


@pytest.mark.skipif(BASH is None or not RNNFC.exists(), reason="needs bash, and rnnfc beside Python")
def test_completion__in_bash_knows_commands_options_and_runs(tmp_path: Path) -> None:
    run = tmp_path / "outputs/20261201-120000-sine"
    run.mkdir(parents=True)
    (run / "run.json").write_text("{}")
    (tmp_path / "outputs/.tags").mkdir()
    (tmp_path / "outputs/.tags/production").write_text(f"{run.name}\n")
    assert complete(tmp_path, "tr") == ["train"]
    assert complete(tmp_path, "evaluate", "--fail") == ["--fail-under-skill"]
    assert complete(tmp_path, "predict", "s") == ["sine"]
    assert complete(tmp_path, "predict", "") == ["20261201-120000-sine", "production", "sine"]
