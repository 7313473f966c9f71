"""What people read: Vietnamese first, amounts with dots, accounts as they are, nothing said plainly."""

import pytest

from paygw.cli.minutes import tables_of
from paygw.cli.night_words import outcome, steps_in_words
from paygw.cli.showing import show, show_all
from tests.reconciliation.minutes_sample import SAMPLE

DONE = {
    "bank": "sandbox-a",
    "day": "2026-11-23",
    "mode": "night",
    "status": "done",
    "waits_for": "",
    "steps": {
        "fetch": {"settlement": 5, "statement": 5},
        "match": {"lines": 5, "matched": 5, "breaks": 0, "opened": 0},
        "repair": {},
        "settle": {"settled": 0, "known": 5},
        "close": {"fees_vnd": 1_100, "matched": 0, "differs": 0},
        "minutes": {"new": 0, "content_hash": "ab"},
    },
    "breaks": [],
}


def test_an_account_is_not_an_emoji(capsys: pytest.CaptureFixture[str]) -> None:
    """`H:bank:1020304050` was shown with a picture of a bank in it."""
    show_all([{"holder": "H:bank:1020304050", "detail": "[red]x[/red] :smile:"}], as_json=False)

    said = capsys.readouterr().out
    assert "H:bank:1020304050" in said
    assert "[red]x[/red] :smile:" in said


def test_nothing_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    show_all([], as_json=False)
    show_all([], as_json=True)

    assert capsys.readouterr().out == "Không có gì. / Nothing.\n[]\n"


def test_amounts_have_dots_and_rows_inside_are_tables(capsys: pytest.CaptureFixture[str]) -> None:
    show({"total_vnd": 1_005_001, "ok": True, "orders": [{"amount_vnd": 8_200, "states": {"sent": 0}}]}, as_json=False)

    said = capsys.readouterr().out
    assert "tổng số (total_vnd): 1.005.001" in said
    assert "khớp (ok): có" in said
    assert "8.200" in said
    assert "sent=0" in said


def test_a_night_is_told_in_words() -> None:
    said = {str(row["step"]).split(" (")[1]: row["figures"] for row in steps_in_words(DONE)}

    assert said["fetch)"] == "5 dòng quyết toán; 5 dòng sao kê"
    assert said["settle)"] == "5 đã quyết toán trước"
    assert said["close)"] == "phí 1.100 đồng"
    assert said["repair)"] == "không có gì"
    assert said["minutes)"] == "như cũ, mã băm ab"
    assert any("không có gì thay đổi" in sentence for sentence in outcome(DONE))


def test_a_night_that_waits_says_for_what_and_what_to_do() -> None:
    said = list(outcome({**DONE, "steps": {}, "waits_for": "the statement"}))

    assert any("the statement" in sentence for sentence in said)
    assert any("paygw files add" in sentence for sentence in said)


def test_moments_are_those_of_vietnam(capsys: pytest.CaptureFixture[str]) -> None:
    show({"opened_at": "2026-11-23T20:00:00Z", "as_of": "", "made_at": "hôm nay"}, as_json=False)

    said = capsys.readouterr().out
    assert "2026-11-24 03:00:00+07:00" in said
    assert "hôm nay" in said


def test_more_than_a_screen_holds_is_a_record_per_row(capsys: pytest.CaptureFixture[str]) -> None:
    """Nineteen columns of a refund were drawn as nineteen empty ones."""
    show_all([{f"field_{n}": "value" for n in range(19)} | {"content_hash": "ab" * 32}], as_json=False)

    assert f"mã băm nội dung (content_hash): {'ab' * 32}\n" in capsys.readouterr().out


def test_minutes_are_read_as_the_tables_they_are_printed_as() -> None:
    tables = dict(tables_of(SAMPLE["content"]))

    assert list(tables) == ["Theo cơ quan thu", "Quyết toán", "Chênh lệch", "Tệp nguồn"]
    assert [row["Số tiền (đồng)"] for row in tables["Theo cơ quan thu"]] == ["600.000", "15.000"]
    assert [row["SHA-256"] for row in tables["Tệp nguồn"]] == ["ab" * 32, "cd" * 32]
