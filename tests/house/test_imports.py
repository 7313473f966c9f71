"""Imports point down: the import-linter contracts of pyproject.toml, and exact lists for the pure packages."""

import ast
import sys
from collections.abc import Iterator

import pytest
from importlinter import cli

from tests.house.sources import ROOT, Source, parse, sources, under

_STDLIB = frozenset(sys.stdlib_module_names)
# folder -> what it may import beside the standard library
_ALLOWED = {
    "paygw/kernel": ("paygw.kernel", "cryptography", "lark", "msgspec", "yaml"),
    "connectors": ("connectors", "paygw.kernel", "cryptography"),
    "paygw/__init__.py": (),
}


def imported(source: Source) -> Iterator[tuple[int, str]]:
    """Each imported module with its line."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, name.name) for name in names)
            case ast.ImportFrom(module=str(module)):
                yield node.lineno, module


def foreign(source: Source, allowed: tuple[str, ...]) -> list[str]:
    """The imports of a file that are on no list, as `path:line module`."""
    return [
        f"{source.path}:{line} {module}"
        for line, module in imported(source)
        if module.split(".")[0] not in _STDLIB
        and not any(module == name or module.startswith(f"{name}.") for name in allowed)
    ]


def test_import_contracts_are_kept(capfd: pytest.CaptureFixture[str]) -> None:
    status = cli.lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)

    assert status == cli.EXIT_STATUS_SUCCESS, capfd.readouterr().out


@pytest.mark.parametrize("folder", _ALLOWED)
def test_pure_packages_import_only_what_their_list_names(folder: str) -> None:
    strangers = [
        line for source in sources() if under(source.path, (folder,)) for line in foreign(source, _ALLOWED[folder])
    ]

    assert not strangers, f"{folder} may import the standard library and {_ALLOWED[folder]} only:\n  " + "\n  ".join(
        strangers
    )


def test_reconciliation_knows_the_kernel_and_nothing_else_of_ours() -> None:
    ours = [
        f"{source.path}:{line} {module}"
        for source in sources()
        if under(source.path, ("reconciliation",))
        for line, module in imported(source)
        if module.split(".")[0] in {"paygw", "connectors"} and not f"{module}.".startswith("paygw.kernel.")
    ]

    assert not ours


@pytest.mark.parametrize("text", ["import sqlalchemy", "from paygw.store import tables", "import paygw.kernels"])
def test_a_stranger_in_the_kernel_is_seen(text: str) -> None:
    assert foreign(parse("paygw/kernel/sample.py", text), _ALLOWED["paygw/kernel"])
