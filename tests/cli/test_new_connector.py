"""`paygw new-connector` writes a connector that is refused by the suite, and by nothing else of ours."""

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from paygw.cli.new_connector import scaffold
from paygw.kernel.errors import Refused
from tests.conformance.pairs import Pair
from tests.conformance.suite import failures

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "connectors").mkdir()
    (tmp_path / "connectors" / "__init__.py").touch()
    return tmp_path


def loaded(path: Path) -> ModuleType:
    spec = spec_from_file_location(f"scaffolded_{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_module_side_samples_tests_and_page_are_written(checkout: Path) -> None:
    written = scaffold(checkout, "newbank_2", "Ngân hàng Mới")

    assert [str(path.relative_to(checkout)) for path in written] == [
        "connectors/newbank_2.py",
        "paygw/simulators/sides/newbank_2.py",
        "tests/fixtures/vectors/newbank_2.json",
        "tests/connectors/test_newbank_2.py",
        "docs/api/banks/newbank_2.md",
    ]
    assert all("Ngân hàng Mới" in path.read_text(encoding="utf-8") for path in written)


def test_it_fails_the_suite_until_it_is_real(checkout: Path) -> None:
    scaffold(checkout, "newbank", "Ngân hàng Mới")
    connector = loaded(checkout / "connectors" / "newbank.py").CONNECTOR
    side = loaded(checkout / "paygw" / "simulators" / "sides" / "newbank.py").BANK_SIDE

    failed = set(failures(Pair(connector, side)))

    assert {
        "test_what_the_bank_signed_is_what_we_read",
        "test_the_previous_key_is_read_during_a_rotation",
        "test_a_session_sends_the_payer_somewhere",
        "test_what_is_not_durable_is_asked_for_again",
        "test_a_forged_message_is_never_thanked_for",
    } <= failed


def test_what_is_written_is_as_our_own_code(checkout: Path) -> None:
    scaffold(checkout, "newbank", "Ngân hàng Mới")
    ruff = [sys.executable, "-m", "ruff"]
    config = ["--config", str(ROOT / "pyproject.toml"), "--no-cache", str(checkout)]

    formatted = subprocess.run([*ruff, "format", "--check", *config], capture_output=True, text=True, check=False)
    checked = subprocess.run(
        [*ruff, "check", "--ignore", "INP001,D100,D103,D104,S101", *config], capture_output=True, text=True, check=False
    )

    assert formatted.returncode == 0, formatted.stdout
    assert checked.returncode == 0, checked.stdout


def test_nothing_is_overwritten(checkout: Path) -> None:
    scaffold(checkout, "newbank", "Ngân hàng Mới")
    kept = (checkout / "connectors" / "newbank.py").read_text(encoding="utf-8")

    with pytest.raises(Refused, match="Nothing was written"):
        scaffold(checkout, "newbank", "Another")

    assert (checkout / "connectors" / "newbank.py").read_text(encoding="utf-8") == kept


@pytest.mark.parametrize("name", ["", "X", "new-bank", "../evil", "1bank", "a" * 40])
def test_an_odd_name_is_refused(checkout: Path, name: str) -> None:
    with pytest.raises(Refused):
        scaffold(checkout, name, "Bank")


@pytest.mark.parametrize("title", ['"""', "a\\b", "a\nb"])
def test_an_odd_title_is_refused(checkout: Path, title: str) -> None:
    with pytest.raises(Refused):
        scaffold(checkout, "newbank", title)


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no checkout"):
        scaffold(tmp_path, "newbank", "Bank")
