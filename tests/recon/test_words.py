"""Every kind of break has its words, and the documents say the same."""

import re
from dataclasses import astuple
from pathlib import Path

from reconciliation.model import Break, BreakKind
from reconciliation.output import at_risk_vnd
from reconciliation.page import render_page
from reconciliation.passes import PASSES
from reconciliation.words import WORDS

_DOCS = Path(__file__).parents[2] / "docs"


def kinds_table() -> str:
    """The table of docs/reconciliation.md."""
    rows = [f"| `{kind}` | {words.name_vi} | {words.means_en} {words.next_en} |" for kind, words in WORDS.items()]
    return "\n".join(["| token | tên | meaning, safe next step |", "|---|---|---|", *rows])


def test_every_kind_has_all_its_words() -> None:
    assert set(WORDS) == set(BreakKind)
    assert all(all(astuple(words)) for words in WORDS.values())
    assert len({words.name_vi for words in WORDS.values()}) == len(BreakKind)


def test_the_kinds_are_those_of_the_contract() -> None:
    section = (_DOCS / "contract.md").read_text(encoding="utf-8").split("## 9.")[1]
    told = {
        token for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for token in re.findall(r"`(\w+)`", row)
    }

    assert told == {kind.value for kind in BreakKind}


def test_the_document_has_the_table_of_kinds() -> None:
    text = (_DOCS / "reconciliation.md").read_text(encoding="utf-8")

    assert kinds_table() in text


def test_the_document_names_every_pass() -> None:
    text = (_DOCS / "reconciliation.md").read_text(encoding="utf-8")

    assert all(f"`{one.name}`" in text for one in PASSES)


def test_a_page_without_breaks_says_so() -> None:
    nothing: dict[str, object] = {
        "files": {},
        "third_file_is": None,
        "period": None,
        "tariffs": [],
        "notes": [],
        "waiting": {"count": 0},
    }
    clean = {"matches": {"confirmed": 3, "suggested": 0}, "breaks": {"total": 0, "by_kind": {}}}

    page = render_page(nothing | clean, [])

    assert "Không có chênh lệch" in page
    assert "<script" not in page


def test_money_at_risk_is_the_gap_or_the_whole() -> None:
    def risk(ours: int | None, theirs: int | None) -> int:
        return at_risk_vnd(
            Break(
                break_kind=BreakKind.STATUS_DIFFERS,
                ref="A",
                bank_txn_id="T",
                book_amount_vnd=ours,
                statement_amount_vnd=theirs,
                detail="",
            )
        )

    assert [risk(5, 4), risk(5, None), risk(None, 4), risk(5, 5)] == [1, 5, 4, 5]
