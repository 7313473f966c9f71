"""The driver against peers that say exactly what a test wants: what left, what was repeated, what is believed."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from connectors.sandbox import open_session
from paygw.kernel.connector import Answer, AnswerDialogue, Contact, HttpReply, HttpRequest
from paygw.outside.bank_http import BankHttp, BankLimits, Operation, bank_http
from paygw.simulators.sides.sandbox import SECRETS
from tests.conformance.pairs import session_ask
from tests.outside.peer import Peer, answer, peer

pytestmark = pytest.mark.net
OK = answer(200, b"{}")
LIMITS = BankLimits(deadline_s=2.0, connect_s=1.0, pause_s=0.0, pause_max_s=0.0)


@dataclass(slots=True)
class Watch:
    """A clock a test moves, the pauses that were taken, and what was counted."""

    now_s: float = 0.0
    pauses: list[float] = field(default_factory=list)
    outcomes: list[tuple[str, str, str]] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        assert (name, by) == ("paygw_bank_requests_total", 1)
        self.outcomes.append((labels["bank"], labels["operation"], labels["outcome"]))

    def took(self, name: str, seconds: float, **labels: str) -> None:
        assert name == "paygw_bank_request_seconds"
        assert seconds >= 0
        assert set(labels) == {"bank", "operation", "outcome"}


@asynccontextmanager
async def driver(limits: BankLimits = LIMITS, watch: Watch | None = None) -> AsyncIterator[BankHttp]:
    """The way to the banks for one test."""
    watch = watch or Watch()
    async with bank_http(limits=limits, observer=watch, clock=watch, sleep=watch.sleep) as way:
        yield way


def once(url: str, *, method: str = "POST", repeatable: bool = False) -> AnswerDialogue:
    """A dialogue of one request; only a 200 satisfies it."""
    reply = yield HttpRequest(method=method, url=url, headers={"x-key": "hush-hush"}, repeatable=repeatable)
    return Answer(contact=Contact.SUCCEEDED if reply.status == 200 else Contact.UNKNOWN)


def steps(*urls: str) -> AnswerDialogue:
    """A dialogue of several requests."""
    for url in urls:
        yield HttpRequest(method="POST", url=url)
    return Answer(contact=Contact.SUCCEEDED)


def keeping(url: str, kept: list[HttpReply]) -> AnswerDialogue:
    """A dialogue that keeps its reply."""
    kept.append((yield HttpRequest(method="GET", url=url)))
    return Answer(contact=Contact.SUCCEEDED)


async def test_a_dialogue_without_a_request_is_no_contact() -> None:
    redirecting = replace(SECRETS, options={"flow": "redirect"})
    watch = Watch()
    async with driver(watch=watch) as way:
        session = await way.open_session("a", open_session(session_ask(), redirecting))

    assert session.contact is Contact.SUCCEEDED
    assert watch.outcomes == []


async def test_the_reply_reaches_the_dialogue_whole() -> None:
    kept: list[HttpReply] = []
    async with peer(lambda _: answer(404, b'{"a":1}', **{"X-Sign": "Ab"})) as bank, driver() as way:
        await way.ask("a", "query", keeping(bank.url, kept))

    assert (kept[0].status, kept[0].body, kept[0].headers["x-sign"]) == (404, b'{"a":1}', "Ab")


@pytest.mark.parametrize(
    "path", ["/v1/a%2Fb?x=%20%41&y=a+b", "/%E1%BB%87", "/a?session=eyJ9&t=1", "/a?u=http%3A%2F%2Fh"]
)
async def test_the_address_travels_as_it_was_signed(path: str) -> None:
    async with peer(lambda _: OK) as bank, driver() as way:
        await way.ask("a", "query", once(bank.url + path, method="GET"))

    assert bank.requests[0].startswith(f"GET {path} HTTP/1.1\r\n".encode())


async def test_refused_connections_prove_that_nothing_left() -> None:
    async with peer(lambda _: OK) as bank:
        pass
    async with driver() as way:
        result = await way.ask("a", "refund", once(bank.url))

    assert result.contact is Contact.NOT_SENT


@pytest.mark.parametrize("url", ["http://[::1", "ftp://127.0.0.1/", "http://127.0.0.1:0/", "nonsense"])
async def test_an_address_that_is_none_proves_that_nothing_left(url: str) -> None:
    async with driver() as way:
        result = await way.ask("a", "refund", once(url))

    assert result.contact is Contact.NOT_SENT


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Ty",
        b"\x00\xff\x00",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
        answer(200, b"<html>", "text/html; charset=utf-8"),
        answer(200, b"{}", "image/png"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        answer(500, b"{}"),
        answer(302, b"", Location="http://127.0.0.1:1/"),
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 20_000 + b"\r\n\r\n",
    ],
    ids=["nothing", "half a head", "noise", "half a body", "html", "image", "no type", "500", "redirect", "long head"],
)
async def test_after_a_connection_everything_odd_is_unknown(said: bytes) -> None:
    async with peer(lambda _: said) as bank, driver() as way:
        result = await way.ask("a", "refund", once(bank.url))

    assert result.contact is Contact.UNKNOWN
    assert len(bank.requests) == 1


async def test_redirects_are_not_followed() -> None:
    async with peer(lambda _: OK) as elsewhere:
        async with peer(lambda _: answer(307, b"", Location=elsewhere.url)) as bank, driver() as way:
            await way.ask("a", "refund", once(bank.url))

        assert elsewhere.requests == []


async def test_an_answer_beyond_the_limit_is_not_read() -> None:
    limits = replace(LIMITS, answer_bytes_max=1_000)
    async with peer(lambda _: answer(200, b"1" * 1_001)) as bank, driver(limits) as way:
        result = await way.ask("a", "refund", once(bank.url))

    assert result.contact is Contact.UNKNOWN


async def test_an_answer_at_the_limit_is_read() -> None:
    limits = replace(LIMITS, answer_bytes_max=1_000)
    async with peer(lambda _: answer(200, b"1" * 1_000)) as bank, driver(limits) as way:
        result = await way.ask("a", "refund", once(bank.url))

    assert result.contact is Contact.SUCCEEDED


async def test_silence_ends_at_the_deadline_as_unknown() -> None:
    limits = replace(LIMITS, deadline_s=0.2)
    async with peer(lambda _: OK, open_gate=False) as bank, driver(limits) as way:
        result = await way.ask("a", "refund", once(bank.url))

    assert result.contact is Contact.UNKNOWN


async def test_the_deadline_is_for_the_whole_dialogue() -> None:
    limits = replace(LIMITS, deadline_s=0.5)
    async with peer(lambda _: OK, delay_s=0.2) as bank, driver(limits) as way:
        short = await way.ask("a", "refund", steps(bank.url))
        long = await way.ask("a", "refund", steps(*[bank.url] * 4))

    assert (short.contact, long.contact) == (Contact.SUCCEEDED, Contact.UNKNOWN)


async def test_a_dialogue_without_end_is_ended() -> None:
    limits = replace(LIMITS, steps_max=3)
    async with peer(lambda _: OK) as bank, driver(limits) as way:
        result = await way.ask("a", "query", steps(*[bank.url] * 9))

    assert result.contact is Contact.UNKNOWN
    assert len(bank.requests) == 3


@pytest.mark.parametrize("operation", ["query", "query_refund"])
async def test_enquiries_are_tried_three_times(operation: str) -> None:
    watch = Watch()
    async with peer(lambda _: answer(503, b"{}")) as bank, driver(watch=watch) as way:
        result = await way.ask("a", _operation(operation), once(bank.url, repeatable=True))

    assert result.contact is Contact.UNKNOWN
    assert len(bank.requests) == 3
    assert len(watch.pauses) == 2


async def test_an_enquiry_succeeds_on_its_last_try() -> None:
    async with peer(lambda n: OK if n == 2 else b"") as bank, driver() as way:
        result = await way.ask("a", "query", once(bank.url, method="GET", repeatable=True))

    assert result.contact is Contact.SUCCEEDED


@pytest.mark.parametrize(("operation", "repeatable"), [("refund", True), ("query", False), ("refund", False)])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_nothing_else_is_ever_repeated(operation: str, method: str, *, repeatable: bool) -> None:
    async with peer(lambda _: b"") as bank, driver() as way:
        await way.ask("a", _operation(operation), once(bank.url, method=method, repeatable=repeatable))

    assert len(bank.requests) == 1


async def test_a_retry_that_is_refused_does_not_unsay_the_first_try() -> None:
    async with peer(lambda _: b"") as bank, driver(watch=(watch := Watch())) as way:

        async def hang_up(_: float) -> None:
            way_out.close()
            await way_out.wait_closed()

        way_out = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        gone = f"http://127.0.0.1:{way_out.sockets[0].getsockname()[1]}"
        async with bank_http(limits=LIMITS, observer=watch, clock=watch, sleep=hang_up) as other:
            result = await other.ask("a", "query", once(gone, repeatable=True))
        assert bank.requests == []
        assert way.open_circuits() == frozenset()

    assert result.contact is Contact.UNKNOWN


async def test_a_second_step_that_cannot_be_sent_does_not_unsay_the_first() -> None:
    async with peer(lambda _: OK) as gone:
        pass
    async with peer(lambda _: OK) as bank, driver() as way:
        result = await way.ask("a", "refund", steps(bank.url, gone.url))

    assert result.contact is Contact.UNKNOWN


async def test_an_open_circuit_asks_nobody_and_one_probe_closes_it() -> None:
    watch = Watch()
    async with peer(lambda n: answer(500, b"{}") if n < 5 else OK) as bank, driver(watch=watch) as way:
        for _ in range(5):
            await way.ask("a", "refund", once(bank.url))
        turned_away = await way.ask("a", "refund", once(bank.url))
        assert turned_away.contact is Contact.NOT_SENT
        assert len(bank.requests) == 5
        assert way.open_circuits() == {"a"}

        watch.now_s += 30
        assert way.open_circuits() == frozenset()
        probe = await way.ask("a", "refund", once(bank.url))

    assert probe.contact is Contact.SUCCEEDED
    assert way.open_circuits() == frozenset()


async def test_circuits_are_per_bank_and_operation() -> None:
    async with peer(lambda n: answer(500, b"{}") if n < 5 else OK) as bank, driver() as way:
        for _ in range(5):
            await way.ask("a", "refund", once(bank.url))

        assert (await way.ask("a", "query", once(bank.url))).contact is Contact.SUCCEEDED
        assert (await way.ask("b", "refund", once(bank.url))).contact is Contact.SUCCEEDED
        assert (await way.ask("a", "refund", once(bank.url))).contact is Contact.NOT_SENT


async def test_a_bank_that_says_no_is_healthy() -> None:
    async with peer(lambda _: answer(422, b"{}")) as bank, driver() as way:
        for _ in range(9):
            await way.ask("a", "refund", once(bank.url))

    assert len(bank.requests) == 9


async def test_a_caller_that_goes_away_is_not_the_banks_fault() -> None:
    async with peer(lambda _: OK, open_gate=False) as bank, driver() as way:
        for number in range(1, 10):
            call = asyncio.create_task(way.ask("a", "refund", once(bank.url)))
            await _requests(bank, number)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)

        assert way.open_circuits() == frozenset()


async def test_seats_bound_what_one_bank_gets_at_once() -> None:
    limits = replace(LIMITS, seats_per_bank=3)
    async with peer(lambda _: OK, open_gate=False) as bank, driver(limits) as way:
        calls = [asyncio.create_task(way.ask("a", "refund", once(bank.url))) for _ in range(10)]
        await _requests(bank, 3)
        bank.gate.set()
        results = await asyncio.gather(*calls)

    assert bank.most_at_once == 3
    assert {result.contact for result in results} == {Contact.SUCCEEDED}


async def test_a_full_bank_does_not_delay_another() -> None:
    limits = replace(LIMITS, seats_per_bank=1)
    async with peer(lambda _: OK, open_gate=False) as sick, peer(lambda _: OK) as well, driver(limits) as way:
        waiting = [asyncio.create_task(way.ask("a", "refund", once(sick.url))) for _ in range(3)]
        result = await way.ask("b", "refund", once(well.url))
        assert not any(call.done() for call in waiting)
        sick.gate.set()
        await asyncio.gather(*waiting)

    assert result.contact is Contact.SUCCEEDED


async def test_waiting_for_a_seat_in_vain_proves_that_nothing_left() -> None:
    limits = replace(LIMITS, seats_per_bank=1, deadline_s=0.3)
    async with peer(lambda _: OK, open_gate=False) as bank, driver(limits) as way, way._seat("a"):
        result = await way.ask("a", "query", once(bank.url))

    assert result.contact is Contact.NOT_SENT
    assert bank.requests == []


async def test_contacts_are_counted_and_logged_without_what_was_said(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch()
    with caplog.at_level(logging.DEBUG, logger="paygw"):
        async with peer(lambda _: answer(200, b'{"owner":"Nguyen"}')) as bank, driver(watch=watch) as way:
            await way.ask("a", "query", once(f"{bank.url}/?ref=A-1"))

    assert watch.outcomes == [("a", "query", "succeeded")]
    logged = "".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert "bank_contact" in logged
    assert not [word for word in ("hush-hush", "Nguyen", "A-1", bank.url) if word in logged]


def test_the_limits_are_the_documented_ones() -> None:
    limits = BankLimits()

    assert (limits.deadline_s, limits.connect_s, limits.seats_per_bank) == (8.0, 2.0, 20)
    assert (limits.failures_max, limits.rest_s) == (5, 30.0)
    assert dict(limits.tries) == {"query": 3, "query_refund": 3}


async def _requests(bank: Peer, number: int) -> None:
    async with asyncio.timeout(10):
        while len(bank.requests) < number:
            await bank.asked.wait()
            bank.asked.clear()


def _operation(name: str) -> Operation:
    operations: dict[str, Operation] = {"query": "query", "query_refund": "query_refund", "refund": "refund"}
    return operations[name]


async def test_contacts_are_counted_by_whether_the_bank_answered() -> None:
    watch = Watch()
    async with peer(lambda n: answer(500, b"{}") if n < 5 else OK) as bank, driver(watch=watch) as way:
        await way.ask("a", "query", once(bank.url))
        for _ in range(4):
            await way.ask("a", "refund", once(bank.url))
        await way.ask("a", "query", once(bank.url))
        first, second = sorted(way.take_tallies(), key=lambda tally: tally.operation), way.take_tallies()

    assert [(tally.operation, tally.good, tally.bad) for tally in first] == [("query", 1, 1), ("refund", 0, 4)]
    assert second == []


async def test_an_open_circuit_is_told_with_its_rest_and_what_it_turns_away_is_no_contact() -> None:
    watch = Watch()
    async with peer(lambda _: answer(500, b"{}")) as bank, driver(watch=watch) as way:
        for _ in range(7):
            await way.ask("a", "refund", once(bank.url))
        (told,) = way.take_tallies()
        watch.now_s += 10
        (later,) = way.take_tallies()
        watch.now_s += 25
        rested = way.take_tallies()

    assert (told.bad, told.rest_ms, later.bad, later.rest_ms, rested) == (5, 30_000, 0, 20_000, [])
