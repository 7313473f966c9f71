"""`paygw conformance`: trials of a configured bank, from our side of the wire; no money moves.

A trial passes, fails or is skipped with its reason. They use the hub's own way to the banks, so that deadlines,
circuits and seats count as they do for payers; a session that is opened for a trial expires unpaid.
"""

import re
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal, TypeVar

from paygw.hub.attempts import reference_for
from paygw.hub.hub import Hub
from paygw.hub.offers import Place, span_vnd
from paygw.hub.registry import Bank
from paygw.hub.writing import new_id
from paygw.kernel.connector import (
    Answer,
    BadSignature,
    Contact,
    HttpReply,
    HttpRequest,
    Malformed,
    QueryAsk,
    Session,
    SessionAsk,
    Verdict,
)
from paygw.kernel.evidence import PaymentSeen
from paygw.outside.tls import read_protection

_CERTIFICATE_LEFT = timedelta(days=14)
_CLOCK_SKEW = timedelta(seconds=300)
_TLS = frozenset({"TLSv1.2", "TLSv1.3"})
_TAMPERED_MAX = 64

Result = TypeVar("Result", Session, Answer)
Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Trial:
    """What was tried and what came of it."""

    name: str
    outcome: Outcome
    told: str


@dataclass(slots=True)
class Bench:
    """A bank under trial, with what earlier trials left: the replies, and the session that was opened."""

    hub: Hub
    bank: Bank
    with_session: bool
    replies: list[HttpReply]
    opened: QueryAsk | None = None


async def try_bank(hub: Hub, bank: Bank, *, with_session: bool) -> list[Trial]:
    """Every trial that makes sense for this bank, in order."""
    bench = Bench(hub, bank, with_session, [])
    return [Trial(name, *await trial(bench)) for name, trial in _TRIALS.items()]


async def _configuration(bench: Bench) -> tuple[Outcome, str]:
    given = {**bench.bank.secrets.options, **bench.bank.secrets.values}
    for one in bench.bank.connector.credentials:
        if one.name not in given and one.secret:
            return "failed", f"{one.name} is missing: {one.help}"
        if one.name in given and not re.fullmatch(one.pattern, given[one.name]):
            return "failed", f"{one.name} is not what it should be: {one.help}"
    return "passed", "every credential has its form"


async def _transport(bench: Bench) -> tuple[Outcome, str]:
    url = bench.bank.secrets.base_url
    if not url.startswith("https://"):
        live = bench.hub.settings.mode == "live"
        return ("failed" if live else "skipped"), "the address is not encrypted: use https for a real bank"
    try:
        found = await read_protection(url, timeout_s=bench.hub.settings.bank_deadline_s)
    except (OSError, TimeoutError) as fault:
        return "failed", f"no verified TLS connection: {fault}"
    if found.protocol not in _TLS:
        return "failed", f"{found.protocol} is too old"
    left = found.ends_at - bench.hub.clock()
    return ("passed" if left > _CERTIFICATE_LEFT else "failed"), f"{found.protocol}, certificate for {left.days} days"


async def _session(bench: Bench) -> tuple[Outcome, str]:
    if not bench.with_session:
        return "skipped", "would open a payment at the provider: --with-session does so, with the least sum"
    if not bench.bank.connector.methods:
        return "skipped", "payments do not start at this bank"
    connector, secrets, ask = bench.bank.connector, bench.bank.secrets, _session_ask(bench)
    if connector.build_redirect is not None:
        session = connector.build_redirect(ask, secrets)
    elif connector.open_session is not None:
        dialogue = _recorded(connector.open_session(ask, secrets), bench.replies)
        session = await bench.hub.talk.open_session(bench.bank.id, dialogue)
    else:
        return "skipped", "payments do not start at this bank"
    if session.contact is not Contact.SUCCEEDED:
        return "failed", f"{session.contact} {session.bank_code}".strip()
    bench.opened = replace(_query_ask(bench, ask.attempt_ref), bank_session_id=session.bank_session_id)
    return "passed", "a session was opened; it expires unpaid"


async def _opened_session(bench: Bench) -> tuple[Outcome, str]:
    if bench.opened is None or bench.bank.connector.query is None:
        return "skipped", "no session was opened" if bench.opened is None else "the bank cannot be asked"
    answer = await _asked(bench, bench.opened)
    if _has_money(answer):
        return "failed", "a payment is reported that nobody made"
    return _understood(answer)


async def _unknown_reference(bench: Bench) -> tuple[Outcome, str]:
    if bench.bank.connector.query is None:
        return "skipped", "the bank cannot be asked"
    answer = await _asked(bench, _query_ask(bench, _reference(bench)))
    if _has_money(answer) or answer.contact in {Contact.SUCCEEDED, Contact.DECLINED}:
        return "failed", f"a reference nobody gave is {answer.contact} {answer.bank_code}".strip()
    return _understood(answer)


def _understood(answer: Answer) -> tuple[Outcome, str]:
    """Nothing is paid, and the bank says so in words we know; under wrong keys it would say something else."""
    told = f"{answer.contact} {answer.bank_code}".strip()
    if answer.contact is Contact.NOT_SENT:
        return "failed", f"the bank was not reached: {told}"
    if answer.contact is not Contact.PENDING:
        return "failed", f"the answer is not one we understand, or not authentic: {told}; check keys and merchant"
    return "passed", told


async def _clock(bench: Bench) -> tuple[Outcome, str]:
    dates = [reply.headers["date"] for reply in bench.replies if "date" in reply.headers]
    if not dates:
        return "skipped", "no answer carried a date"
    try:
        skew = abs(parsedate_to_datetime(dates[-1]) - bench.hub.clock())
    except ValueError:
        return "failed", "the date of an answer cannot be read"
    return ("passed" if skew < _CLOCK_SKEW else "failed"), f"clocks differ by {skew // timedelta(seconds=1)} s"


async def _tampered_answer(bench: Bench) -> tuple[Outcome, str]:
    """Each of some bytes of the last answer changed: nothing but what the bank said may be read out of it."""
    connector = bench.bank.connector
    if not bench.replies or connector.query is None:
        return "skipped", "no answer to change"
    reply, ask = bench.replies[-1], _query_ask(bench, _reference(bench))
    step = max(1, len(reply.body) // _TAMPERED_MAX)
    for place in range(0, len(reply.body), step):
        body = bytearray(reply.body)
        body[place] ^= 0x01
        answer = _played(connector.query(ask, bench.bank.secrets), replace(reply, body=bytes(body)))
        if _has_money(answer) or answer.contact is Contact.SUCCEEDED:
            return "failed", f"a changed answer was believed (byte {place})"
    return "passed", "no changed answer turned into money"


async def _forged_webhook(bench: Bench) -> tuple[Outcome, str]:
    bodies = (b"", b"{}", b'{"data":{},"signature":"","mac":""}', b"\xff\xfe", b"a=1&vnp_SecureHash=0")
    url = f"{bench.hub.settings.origin}/webhooks/{bench.bank.id}"
    for body in bodies:
        request = HttpRequest(method="POST", url=url, headers={"content-type": "application/json"}, body=body)
        try:
            bench.bank.connector.parse_webhook(request, bench.bank.secrets, bench.hub.clock())
        except (BadSignature, Malformed):
            continue
        return "failed", "a webhook nobody signed was read"
    return "passed", f"{len(bodies)} unsigned webhooks were refused"


async def _acknowledgements(bench: Bench) -> tuple[Outcome, str]:
    replies = {verdict: bench.bank.connector.acknowledge(verdict) for verdict in Verdict}
    if replies[Verdict.UNAVAILABLE] == replies[Verdict.ACCEPTED]:
        return "failed", "what was not kept would not be sent again"
    return "passed", f"{len(replies)} verdicts have an answer"


_TRIALS: dict[str, Callable[[Bench], Awaitable[tuple[Outcome, str]]]] = {
    "configuration": _configuration,
    "transport": _transport,
    "session": _session,
    "session_is_unpaid": _opened_session,
    "unknown_reference": _unknown_reference,
    "clock": _clock,
    "tampered_answer": _tampered_answer,
    "forged_webhook": _forged_webhook,
    "acknowledgements": _acknowledgements,
}


async def _asked(bench: Bench, ask: QueryAsk) -> Answer:
    query = bench.bank.connector.query
    if query is None:
        return Answer(contact=Contact.NOT_SENT)
    dialogue = _recorded(query(ask, bench.bank.secrets), bench.replies)
    return await bench.hub.talk.ask(bench.bank.id, "query", dialogue)


def _recorded(
    dialogue: Generator[HttpRequest, HttpReply, Result], kept: list[HttpReply]
) -> Generator[HttpRequest, HttpReply, Result]:
    """The same dialogue, its replies kept."""
    try:
        request = next(dialogue)
        while True:
            reply = yield request
            kept.append(reply)
            request = dialogue.send(reply)
    except StopIteration as end:
        result: Result = end.value
        return result


def _played(dialogue: Generator[HttpRequest, HttpReply, Answer], reply: HttpReply) -> Answer:
    """A dialogue that is answered the same every time."""
    try:
        next(dialogue)
        for _ in range(8):
            dialogue.send(reply)
    except StopIteration as end:
        result: Answer = end.value
        return result
    return Answer(contact=Contact.UNKNOWN)


def _has_money(answer: Answer) -> bool:
    return any(isinstance(seen, PaymentSeen) for seen in answer.evidence)


def _reference(bench: Bench) -> str:
    return reference_for(bench.bank, bench.hub.clock())


def _session_ask(bench: Bench) -> SessionAsk:
    now: datetime = bench.hub.clock()
    ref = _reference(bench)
    lifetime_s = min(bench.hub.settings.attempt_lifetime_s, bench.bank.connector.limits.session_max_s)
    return SessionAsk(
        attempt_ref=ref,
        amount_vnd=max(span_vnd(bench.bank, Place())[0], 10_000),
        description=f"Kiem tra {ref[-12:]}",
        return_url=f"{bench.hub.settings.origin}/",
        webhook_url=f"{bench.hub.settings.origin}/webhooks/{bench.bank.id}",
        payer_ip="127.0.0.1",
        locale="vi",
        created_at=now,
        expires_at=now + timedelta(seconds=lifetime_s),
    )


def _query_ask(bench: Bench, ref: str) -> QueryAsk:
    now = bench.hub.clock()
    amount_vnd = max(span_vnd(bench.bank, Place())[0], 10_000)
    request_id = new_id().replace("-", "")
    return QueryAsk(attempt_ref=ref, amount_vnd=amount_vnd, created_at=now, now=now, request_id=request_id)
