"""A profile somebody writes for a new bank: what is wrong is told with its line and what would be right."""

from pathlib import Path
from typing import get_args

import pytest

from reconciliation.statements.errors import BadFile
from reconciliation.statements.profile import PROFILE_BYTES_MAX, Column, Fact, Profile, read_profile
from reconciliation.statements.read import SHIPPED, find_profile, load_profile, read_file
from reconciliation.statements.staged import LineKind
from tests.house.sources import ROOT

_GOOD = """profile: bank-moi
title: Sao kê
source: mẫu 2027-01
encodings: [utf-8]
columns:
  bank_txn_id: [Số CT]
  amount_vnd: [Số tiền]
  kind: [Loại]
  booked_at: [Ngày]
required: [bank_txn_id]
amounts: {marks: vi}
dates: [dd/MM/yyyy]
kinds: {payment: [Nộp]}
trailer: {marks: [Cộng], facts: {total_vnd: amount_vnd}}
"""


def _refusal(text: str) -> BadFile:
    with pytest.raises(BadFile) as caught:
        read_profile(text)
    return caught.value


def test_the_documented_profile_reads_the_documented_file() -> None:
    section = (ROOT / "docs" / "files.md").read_text().partition("## A profile for a new bank")[2]
    sample, profile = (block.partition("```")[0] for block in section.split("```\n", 1)[1].split("```yaml\n")[:2])

    (statement,) = read_file(sample.encode(), read_profile(profile)).statements

    assert [(line.amount_vnd, line.kind) for line in statement.lines] == [
        (150_000, LineKind.PAYMENT),
        (5_500, LineKind.FEE),
    ]
    assert (statement.account, statement.opening_vnd, statement.not_read) == ("0011001234567", 1_000_000, ())


def test_every_key_of_a_profile_is_documented() -> None:
    section = (ROOT / "docs" / "files.md").read_text().partition("## A profile for a new bank")[2]

    for name in {*Profile.__struct_fields__} - {"profile", "title", "source", "format", "disarmed"}:
        assert f"`{name}`" in section, name
    for name in (*get_args(Column), *get_args(Fact)):
        assert name in section, name


def test_the_sample_is_a_profile() -> None:
    assert read_profile(_GOOD).profile == "bank-moi"


@pytest.mark.parametrize(
    ("before", "after", "code", "line", "hint"),
    [
        ("columns:", "columnz:", "profile_word", 5, "columns"),
        ("amount_vnd: [", "amount: [", "profile_word", 7, "amount_vnd"),
        ("marks: vi}", "marks: vn}", "profile_word", 11, "plain"),
        ("amounts: {", "amounts: {sined: true, ", "profile_word", 11, "signed"),
        ("[utf-8]", "[tcvn3]", "profile_word", 4, "windows-1258"),
        ("{payment:", "{pay:", "profile_word", 13, "payment"),
        ("{total_vnd: amount_vnd}", "{total: amount_vnd}", "profile_word", 14, "total_vnd"),
        ("title: Sao kê", "", "profile_missing", None, "title"),
        ("bank-moi", "Ngân hàng mới", "profile_name", 1, "bank-moi"),
        ("[Nộp]", "[00]", "profile_quote", 13, "00"),
        ("[Nộp]", "[No]", "profile_quote", 13, "No"),
        ("amount_vnd: [Số tiền]", "amount_vnd: Số tiền", "profile_list", 7, "[Số tiền]"),
        ("  amount_vnd: [Số tiền]\n", "", "profile_column", 6, "amount_vnd"),
        ("  booked_at: [Ngày]\n", "", "profile_column", 6, "booked_at"),
        ("required: [bank_txn_id]", "required: [ref]", "profile_column", 10, "ref"),
        ("[dd/MM/yyyy]", "[DD/MM/YYYY]", "profile_date", 12, "yyyy MM dd"),
        ("[dd/MM/yyyy]", "[dd/MM/yyyy hh:mm]", "profile_date", 12, "HH mm ss"),
        ("kinds: {payment: [Nộp]}\n", "", "profile_words", 8, "kinds"),
        ("kinds: {payment: [Nộp]", "kinds: {payment: [Nộp], refund: [NOP]", "profile_alias", 13, "payment"),
        ("[dd/MM/yyyy]", "[dd/MM/yyyy, MM/dd/yyyy]", "profile_dates", 12, "02/11"),
        ("[dd/MM/yyyy]", "[M-d-yy, d-M-yyyy]", "profile_dates", 12, "02/11"),
        ("marks: [Cộng]", "marks: [Cộng, '*']", "profile_empty_word", 14, "*"),
        ("dates:", "skip: ['']\ndates:", "profile_empty_word", 12, "bắt đầu"),
        ("[Ngày]", "[SO TIEN]", "profile_alias", 9, "amount_vnd"),
        ("dates:", "required: []\ndates:", "profile_twice", 12, "required"),
        ("  bank_txn_id", "\tbank_txn_id", "profile_yaml", 6, "dấu cách"),
        ("[Số CT]", "[Số CT", "profile_yaml", 7, "ngoặc"),
        ("marks: vi}", "marks: vi}\nlimits: {rows: 9000000}", "profile_invalid", 12, "5000000"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_what_would_be_right(
    before: str, after: str, code: str, line: int | None, hint: str
) -> None:
    refused = _refusal(_GOOD.replace(before, after, 1))

    assert (refused.code, refused.line) == (code, line)
    assert hint in refused.vi()
    assert refused.vi() != refused.en()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "profile_empty"),
        ("- a", "profile_empty"),
        ("!!python/object/apply:os.system [id]", "profile_empty"),
        ("profile: &a [*a]", "profile_invalid"),
        ("[" * 2_000, "profile_yaml"),
        ("#" * (PROFILE_BYTES_MAX + 1), "profile_invalid"),
    ],
)
def test_what_is_no_profile_is_refused(text: str, code: str) -> None:
    assert _refusal(text).code == code


def test_a_profile_half_written_stops_no_other_bank(tmp_path: Path) -> None:
    (tmp_path / "bank-moi.yaml").write_text("profile: [")
    (tmp_path / "bank-cu.yaml").write_text(_GOOD.replace("bank-moi", "bank-cu"))

    assert find_profile("bank-cu", tmp_path).profile == "bank-cu"
    assert find_profile("vi-statement", tmp_path) == load_profile(SHIPPED / "vi-statement.yaml")
    with pytest.raises(BadFile, match=r"bank-moi\.yaml"):
        find_profile("bank-moi", tmp_path)


def test_the_operators_profile_comes_before_one_that_is_shipped(tmp_path: Path) -> None:
    (tmp_path / "vi-statement.yaml").write_text(_GOOD.replace("bank-moi", "vi-statement"))

    assert find_profile("vi-statement", tmp_path).title == "Sao kê"


@pytest.mark.parametrize("name", ["../secret", "", "a/b", "Vi-Statement", "nobody"])
def test_a_name_nobody_gave_is_no_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadFile) as caught:
        find_profile(name, tmp_path)

    assert caught.value.code == "profile"


def test_a_file_has_the_name_of_its_profile(tmp_path: Path) -> None:
    (tmp_path / "khac.yaml").write_text(_GOOD)

    with pytest.raises(BadFile) as caught:
        load_profile(tmp_path / "khac.yaml")

    assert (caught.value.code, caught.value.vi().startswith("khac.yaml: ")) == ("profile_named", True)
