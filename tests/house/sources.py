"""The project's own files, as the house lints read them: each Python file parsed once, docstrings told apart."""

import ast
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("paygw", "connectors", "reconciliation")
PURE = ("paygw/kernel", "connectors", "reconciliation")
EVERYWHERE = (*PACKAGES, "tests", "bench", "examples")
_NOT_OURS = {".git", ".venv", ".venv-locks", "var", "node_modules", "__pycache__"}


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file: `path` is relative to the project, with forward slashes."""

    path: str
    text: str
    tree: ast.Module


def parse(path: str, text: str) -> Source:
    """A source from its text, for files and for the samples of the lints' own tests."""
    return Source(path, text, ast.parse(text, path))


@cache
def sources() -> tuple[Source, ...]:
    """Every Python file of the packages, tests and benchmarks."""
    found = (file for folder in EVERYWHERE for file in sorted((ROOT / folder).rglob("*.py")))
    return tuple(
        parse(file.relative_to(ROOT).as_posix(), file.read_text("utf-8"))
        for file in found
        if not _NOT_OURS & set(file.parts)
    )


@cache
def committed() -> tuple[Path, ...]:
    """Every file that is, or is about to be, in the repository; without git, every file that is not a by-product."""
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        listed = subprocess.run(
            [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split("\0")
        return tuple(ROOT / name for name in listed if name and (ROOT / name).is_file())
    return tuple(file for file in ROOT.rglob("*") if file.is_file() and not _NOT_OURS & set(file.parts))


def under(path: str, folders: tuple[str, ...]) -> bool:
    """Whether a relative path lies in one of the folders (or is one of the files)."""
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def docstrings(tree: ast.Module) -> set[ast.Constant]:
    """The constants that are docstrings: prose, not data."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, owners)
        and node.body
        and isinstance(node.body[0], ast.Expr)
        and isinstance(node.body[0].value, ast.Constant)
    }
