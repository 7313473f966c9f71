"""The control plane, the files, and who may ask for them."""

import csv
import io
import json
from datetime import datetime, timedelta, timezone
from http.client import HTTPConnection
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.sandbox_fixtures import KEY, SandboxProcess

pytestmark = pytest.mark.net
BANK = "sandbox-b"
VIETNAM = timezone(timedelta(hours=7))
DAY = "2026-03-05"


def raw(sandbox: SandboxProcess, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """One request without any help."""
    line = HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
    try:
        line.request(method, path, body, headers)
        answer = line.getresponse()
        return answer.status, answer.read()
    finally:
        line.close()


def at(hour: int, *, day: int = 5) -> str:
    """A time of the tested day in Vietnam."""
    return datetime(2026, 3, day, hour, 30, tzinfo=VIETNAM).isoformat()


def table(text: str) -> list[list[str]]:
    """The cells of a file."""
    return list(csv.reader(io.StringIO(text, newline="")))


def refused(sandbox: SandboxProcess, path: str, **content: object) -> tuple[int, Any]:
    """The refusal of a command."""
    with pytest.raises(HTTPError) as refusal:
        sandbox.control(BANK, path, **content)
    with refusal.value as answer:
        return answer.code, json.loads(answer.read())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"/control/{BANK}/payments"),
        ("POST", f"/control/{BANK}/misbehaviour"),
        ("GET", f"/control/{BANK}/webhooks"),
        ("GET", f"/{BANK}/v1/truth"),
        ("GET", f"/{BANK}/v1/settlements/{DAY}.csv"),
        ("GET", f"/{BANK}/v1/statements/{DAY}.csv"),
        ("GET", f"/{BANK}/v1/sessions/A-1"),
        ("POST", f"/{BANK}/v1/sessions"),
        ("POST", f"/{BANK}/v1/refunds"),
    ],
)
@pytest.mark.parametrize("token", ["", "Bearer ", "Bearer wrong", f"bearer {KEY}", f"Basic {KEY}"])
def test_nothing_is_open_without_the_secret(sandbox: SandboxProcess, method: str, path: str, token: str) -> None:
    status, _ = raw(sandbox, method, path, b"{}" if method == "POST" else b"", Authorization=token)

    assert status == 401


@pytest.mark.parametrize("path", ["/nobody/v1/truth", "/control/nobody/payments", f"/{BANK}/v2/x", "/../etc"])
def test_unknown_places_are_not_found(sandbox: SandboxProcess, path: str) -> None:
    assert raw(sandbox, "GET", path)[0] in {404, 405}


def test_a_body_beyond_the_limit_is_refused(sandbox: SandboxProcess) -> None:
    status, _ = raw(sandbox, "POST", f"/{BANK}/v1/sessions", b"a" * 65_537)

    assert status == 413


@pytest.mark.parametrize(
    ("path", "content", "status", "error"),
    [
        ("payments", {"attempt_ref": "nobody"}, 422, "amount_missing"),
        ("payments", {"amount_vnd": 0}, 422, "malformed"),
        ("payments", {"amount_vnd": 10**12 + 1}, 422, "malformed"),
        ("payments", {"amount_vnd": 1, "payments": 21}, 422, "malformed"),
        ("payments", {"amount_vnd": 1, "nonsense": 1}, 422, "malformed"),
        ("payments", {"amount_vnd": 1, "attempt_ref": "a b"}, 422, "malformed"),
        ("payments", {"amount_vnd": 1, "occurred_at": "2026-01-01T00:00:00"}, 422, "malformed"),
        ("reversals", {"bank_txn_id": "nothing"}, 409, "payment_unknown"),
        ("closings", {"attempt_ref": "nobody", "status": "failed"}, 409, "unknown_session"),
        ("refund-outcome", {"refund_ref": "nobody", "status": "failed"}, 409, "unknown_refund"),
        ("webhooks/resend", {"bank_txn_id": "nothing"}, 404, "payment_unknown"),
        ("misbehaviour", {"misbehaviour": {"slow_ms": 10**9}}, 422, "malformed"),
        ("misbehaviour", {"misbehaviour": {"sloow_ms": 1}}, 422, "malformed"),
    ],
    ids=str,
)
def test_commands_that_make_no_sense_are_refused(
    sandbox: SandboxProcess, path: str, content: dict[str, object], status: int, error: str
) -> None:
    code, answer = refused(sandbox, path, **content)

    assert (code, answer["error"]) == (status, error)


def test_a_payment_is_reversed_once(sandbox: SandboxProcess) -> None:
    paid = sandbox.control(BANK, "payments", amount_vnd=7_000)["payments"][0]
    reversal = sandbox.control(BANK, "reversals", bank_txn_id=paid["bank_txn_id"])

    code, answer = refused(sandbox, "reversals", bank_txn_id=paid["bank_txn_id"])

    assert reversal["amount_vnd"] == 7_000
    assert (code, answer["error"]) == (409, "already_reversed")


def test_money_may_name_no_attempt(sandbox: SandboxProcess) -> None:
    paid = sandbox.control(BANK, "payments", amount_vnd=9_000, memo="nop tien")["payments"][0]

    assert paid["attempt_ref"] is None
    assert paid in sandbox.ask("GET", f"/{BANK}/v1/truth")["payments"]


def test_the_truth_on_the_disk_is_the_truth_that_is_told(sandbox: SandboxProcess) -> None:
    sandbox.control(BANK, "payments", amount_vnd=11_000, payments=3)

    told = sandbox.ask("GET", f"/{BANK}/v1/truth")

    assert told["payments"] == [fact for fact in sandbox.truth(BANK) if fact["kind"] == "payment"]
    assert told["reversals"] == [fact for fact in sandbox.truth(BANK) if fact["kind"] == "reversal"]


@pytest.fixture
def booked(idle_sandbox: SandboxProcess) -> SandboxProcess:
    """A bank with two days of money, fees of 1.100 đồng and one reversal."""
    idle_sandbox.options = {"fee_vnd": 1_100}
    idle_sandbox.start()
    for amount_vnd, when in ((50_000, at(23, day=4)), (100_000, at(0)), (200_000, at(23)), (400_000, at(0, day=6))):
        idle_sandbox.control(BANK, "payments", amount_vnd=amount_vnd, occurred_at=when, memo='=1+1,"x"')
    return idle_sandbox


def test_a_settlement_file_holds_its_vietnamese_day(booked: SandboxProcess) -> None:
    head, *lines, trailer = table(booked.ask("GET", f"/{BANK}/v1/settlements/{DAY}.csv"))

    assert head == ["ref", "bank_txn_id", "kind", "amount_vnd", "fee_vnd", "status", "occurred_at", "settled_on"]
    assert [line[3] for line in lines] == ["100000", "200000"]
    assert {line[7] for line in lines} == {"2026-03-06"}
    assert trailer[:5] == ["TRAILER", "2", "", "300000", "2200"]


def test_a_statement_runs_from_balance_to_balance(booked: SandboxProcess) -> None:
    _, *lines, trailer = table(booked.ask("GET", f"/{BANK}/v1/statements/{DAY}.csv"))

    assert [(line[2], line[3], line[4]) for line in lines] == [
        ("credit", "100000", "150000"),
        ("credit", "200000", "350000"),
    ]
    assert trailer[:7] == ["TRAILER", "2", "", "300000", "350000", DAY, "50000"]


def test_a_file_runs_no_formulas(booked: SandboxProcess) -> None:
    _, line, *_ = table(booked.ask("GET", f"/{BANK}/v1/statements/{DAY}.csv"))

    assert line[7] == '\'=1+1,"x"'


def test_an_empty_day_is_a_file_with_its_totals(booked: SandboxProcess) -> None:
    _, trailer = table(booked.ask("GET", f"/{BANK}/v1/settlements/2020-01-01.csv"))

    assert trailer[:5] == ["TRAILER", "0", "", "0", "0"]


def test_a_reversal_is_a_line_of_its_own_and_a_debit(booked: SandboxProcess) -> None:
    paid = booked.control(BANK, "payments", amount_vnd=1_000)["payments"][0]
    booked.control(BANK, "reversals", bank_txn_id=paid["bank_txn_id"])
    today = datetime.fromisoformat(paid["occurred_at"]).astimezone(VIETNAM).date()

    _, *settled, trailer = table(booked.ask("GET", f"/{BANK}/v1/settlements/{today}.csv"))
    _, *stated, _ = table(booked.ask("GET", f"/{BANK}/v1/statements/{today}.csv"))

    assert [line[2] for line in settled] == ["payment", "reversal"]
    assert trailer[:4] == ["TRAILER", "2", "", "2000"]
    assert [line[2] for line in stated] == ["credit", "debit"]


@pytest.mark.parametrize("day", ["2026-13-01", "x", "..%2f..%2fetc", "20260305x"])
def test_a_day_that_is_none_is_not_found(sandbox: SandboxProcess, day: str) -> None:
    status, _ = raw(sandbox, "GET", f"/{BANK}/v1/settlements/{day}.csv", Authorization=f"Bearer {KEY}")

    assert status == 404
