"""Migrations are one chain of numbered files: two engineers who both take the next number are told at once."""

from tests.house.sources import ROOT

FOLDER = ROOT / "paygw" / "store" / "migrations" / "versions"


def test_each_number_is_taken_once_and_follows_the_one_before() -> None:
    numbers = sorted(path.name[:4] for path in FOLDER.glob("[0-9]*.py"))

    assert numbers == [f"{n:04}" for n in range(1, len(numbers) + 1)]


def test_a_revision_is_called_as_its_file() -> None:
    texts = {path.name[:4]: path.read_text(encoding="utf-8") for path in FOLDER.glob("[0-9]*.py")}

    assert [number for number, text in texts.items() if f'revision = "{number}"' not in text] == []
