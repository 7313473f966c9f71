"""Published shapes of MT940 and camt, read as others read them."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import mt940
import pytest

from reconciliation.statements.errors import BadFile
from reconciliation.statements.read import read_file
from reconciliation.statements.staged import Direction, LineKind, Statement
from tests.reconciliation.statements.shipped import PROFILES

_FIXTURES = Path(__file__).parents[2] / "fixtures" / "vectors"


def _vectors(name: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = json.loads((_FIXTURES / name).read_text(encoding="utf-8"))["vectors"]
    return found


def _signed(statement: Statement) -> list[int]:
    return [line.amount_vnd if line.direction is Direction.CREDIT else -line.amount_vnd for line in statement.lines]


@pytest.mark.parametrize("vector", _vectors("mt940.json"), ids=lambda one: one["id"])
def test_mt940_vectors_are_read(vector: Mapping[str, Any]) -> None:
    wanted = vector["expected"]

    (statement,) = read_file(vector["input"]["text"].encode(), PROFILES["mt940"]).statements

    assert (statement.account, statement.opening_vnd, statement.closing_vnd) == (
        wanted["account"],
        wanted["opening"],
        wanted["closing"],
    )
    assert [line.bank_txn_id for line in statement.lines] == [entry["bank_ref"] for entry in wanted["entries"]]
    assert [line.value_date.isoformat() for line in statement.lines] == [e["value_date"] for e in wanted["entries"]]
    assert all(entry["info"] in line.memo for line, entry in zip(statement.lines, wanted["entries"], strict=True))


@pytest.mark.parametrize("vector", _vectors("mt940.json"), ids=lambda one: one["id"])
def test_mt940_agrees_with_the_library(vector: Mapping[str, Any]) -> None:
    theirs = mt940.parse(vector["input"]["text"])

    (statement,) = read_file(vector["input"]["text"].encode(), PROFILES["mt940"]).statements

    amounts = [abs(int(one.data["amount"].amount)) for one in theirs]
    assert [line.amount_vnd for line in statement.lines] == amounts
    assert statement.closing_vnd == int(theirs.data["final_closing_balance"].amount.amount)
    assert [line.bank_txn_id for line in statement.lines] == [one.data["bank_reference"] for one in theirs]


def test_a_reversed_credit_is_money_out() -> None:
    (statement,) = read_file(_vectors("mt940.json")[2]["input"]["text"].encode(), PROFILES["mt940"]).statements

    assert [(line.kind, line.direction) for line in statement.lines] == [(LineKind.REVERSAL, Direction.DEBIT)]


@pytest.mark.parametrize("vector", _vectors("iso20022_camt.json"), ids=lambda one: one["id"])
def test_camt_vectors_are_read(vector: Mapping[str, Any]) -> None:
    wanted = vector["expected"]
    booked = [entry for entry in wanted["entries"] if entry.get("sts", "BOOK") == "BOOK"]
    signs = {"CRDT": 1, "DBIT": -1}

    (statement,) = read_file(vector["input"]["xml"].encode(), PROFILES["camt"]).statements

    assert statement.account == wanted["account"]
    assert (statement.opening_vnd, statement.closing_vnd) == (wanted.get("opening"), wanted.get("closing"))
    assert _signed(statement) == [signs[entry["cd"]] * entry["amt"] for entry in booked]
    assert [line.memo for line in statement.lines] == [entry["rmt"] for entry in booked]
    assert [line.bank_txn_id for line in statement.lines] == [entry["bank"] for entry in booked]
    assert statement.pending == len(wanted["entries"]) - len(booked)


_STMT = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">'
    "<BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr><Stmt><Id>S</Id><ElctrncSeqNb>7</ElctrncSeqNb>"
    "<Acct><Id><Othr><Id>00112233</Id></Othr></Id></Acct>"
    '<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="VND">100</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
    "<Dt><Dt>2026-11-20</Dt></Dt></Bal>"
    '<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="VND">{closing}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
    '<Dt><Dt>2026-11-20</Dt></Dt></Bal>\n<Ntry><Amt Ccy="{ccy}">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
    "<Sts>BOOK</Sts><BookgDt><DtTm>2026-11-20T23:59:58+07:00</DtTm></BookgDt><AcctSvcrRef>FT1</AcctSvcrRef>"
    "<NtryDtls><TxDtls><Refs><EndToEndId>A</EndToEndId></Refs>"
    '<AmtDtls><TxAmt><Amt Ccy="VND">300</Amt></TxAmt></AmtDtls>'
    "</TxDtls><TxDtls><Refs><EndToEndId>B</EndToEndId></Refs>"
    '<AmtDtls><TxAmt><Amt Ccy="VND">200</Amt></TxAmt></AmtDtls>'
    "</TxDtls></NtryDtls></Ntry></Stmt></BkToCstmrStmt></Document>"
)


def _stmt(*, closing: int = 600, ccy: str = "VND", amount: str = "500.00") -> bytes:
    return _STMT.format(closing=closing, ccy=ccy, amount=amount).encode()


def _summed(summary: str) -> bytes:
    return _stmt().replace(b"\n<Ntry>", f"<TxsSummry>{summary}</TxsSummry><Ntry>".encode())


def test_counts_and_sums_that_a_message_says_of_itself_are_held_against_it() -> None:
    said = (
        "<TtlNtries><NbOfNtries>1</NbOfNtries></TtlNtries>"
        "<TtlCdtNtries><NbOfNtries>1</NbOfNtries><Sum>500.00</Sum></TtlCdtNtries>"
        "<TtlDbtNtries><NbOfNtries>0</NbOfNtries><Sum>0</Sum></TtlDbtNtries>"
    )
    data = _summed(said).replace(b"<NtryDtls>", b"<NtryDtls><Btch><NbOfTxs>2</NbOfTxs></Btch>")

    assert len(read_file(data, PROFILES["camt"]).statements[0].lines) == 2


def test_a_batched_entry_of_version_two_becomes_its_transactions() -> None:
    (statement,) = read_file(_stmt(), PROFILES["camt"]).statements

    assert [(line.bank_txn_id, line.ref, line.amount_vnd) for line in statement.lines] == [
        ("FT1#1", "A", 300),
        ("FT1#2", "B", 200),
    ]
    assert (statement.number, statement.day) == (7, date(2026, 11, 20))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (_stmt(closing=601), "balance"),
        (_stmt(amount="400", closing=500), "batch_total"),
        (_stmt(ccy="USD"), "currency"),
        (_stmt(amount="500.50"), "amount"),
        (_stmt(amount="٥00"), "amount"),
        (_stmt(amount="-500"), "amount_sign"),
        (_stmt().replace(b"camt.053", b"pain.001"), "xml_kind"),
        (_stmt()[:-30], "xml"),
        (_stmt().replace(b"<Sts>BOOK", b"<Sts>MAYBE"), "word"),
        (_stmt().replace(b"CLBD", b"XXXX"), "xml_element"),
        (_stmt().replace(b"<NtryDtls>", b"<NtryDtls><Btch><NbOfTxs>3</NbOfTxs></Btch>"), "control_total"),
        (_summed("<TtlNtries><NbOfNtries>2</NbOfNtries></TtlNtries>"), "control_total"),
        (_summed("<TtlCdtNtries><NbOfNtries>1</NbOfNtries><Sum>501</Sum></TtlCdtNtries>"), "control_total"),
        (_summed("<TtlDbtNtries><NbOfNtries>1</NbOfNtries></TtlDbtNtries>"), "control_total"),
        (_stmt().replace(b"UTF-8", b"UTF-7"), "encoding"),
        (_stmt().replace(b"UTF-8", b"US-ASCII").replace(b">A<", ">Đ<".encode()), "encoding"),
    ],
)
def test_a_camt_message_that_does_not_add_up_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(BadFile) as caught:
        read_file(data, PROFILES["camt"])

    assert caught.value.code == code


_MT = _vectors("mt940.json")[0]["input"]["text"]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (_MT.replace("1164500,", "1164501,"), "balance", None),
        (_MT.split(":62F:")[0], "trailer_missing", None),
        (_MT.replace(":28C:", ":25:999\n:28C:"), "mt940", 3),
        (_MT.replace("C150000,", "C150000,50"), "amount", 5),
        (_MT.replace("C150000,", "C١50000,"), "mt940", 5),
        (_MT.replace("VND", "USD"), "currency", 4),
        (_MT.replace(":25:0011001234567", ":25:"), "account_missing", 2),
        (_MT.replace(":28C:15/1", ":28C:x"), "mt940", 3),
        (_MT.replace(":61:2601150115C", ":61:2613150115C"), "date", 5),
        (_MT.replace("C150000,NTRF", "C0,NTRF"), "amount_sign", 5),
        (_MT.replace(":64:", ":99:"), "mt940", 13),
        ("hello\n" + _MT, "mt940", 1),
    ],
)
def test_a_damaged_mt940_is_refused_with_its_line(text: str, code: str, line: int | None) -> None:
    with pytest.raises(BadFile) as caught:
        read_file(text.encode(), PROFILES["mt940"])

    assert (caught.value.code, caught.value.line) == (code, line)


def test_an_entry_of_january_booked_in_december_keeps_its_year() -> None:
    text = _MT.replace(":61:2601150115C150000", ":61:2601011231C150000")

    (statement,) = read_file(text.encode(), PROFILES["mt940"]).statements

    assert statement.lines[0].booked_at.date() == date(2025, 12, 31)
    assert statement.lines[0].value_date == date(2026, 1, 1)


def test_several_statements_of_one_file_are_all_read() -> None:
    texts = "".join(vector["input"]["text"] for vector in _vectors("mt940.json"))

    statements = read_file(texts.encode(), PROFILES["mt940"]).statements

    assert [one.number for one in statements] == [15, 16, 17]
