"""Environments of libraries we are compared with: made once from a hashed lock, beside ours and never part of it."""

import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]


def interpreter(name: str) -> Path:
    """The Python of `.venv-bench-NAME`, filled from `requirements/bench-NAME.lock` at its first use."""
    lock, folder = ROOT / "requirements" / f"bench-{name}.lock", ROOT / f".venv-bench-{name}"
    python, ready = folder / "bin" / "python", folder / ".ready"
    if not ready.exists() or ready.stat().st_mtime < lock.stat().st_mtime:
        print(f"installing {lock.relative_to(ROOT)} into {folder.name}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        quiet = ("--quiet", "--disable-pip-version-check", "--no-input", "--only-binary", ":all:")
        subprocess.run([python, "-m", "pip", "install", *quiet, "--require-hashes", "-r", lock], check=True)
        ready.touch()
    return python
