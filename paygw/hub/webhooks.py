"""A bank's webhook: verify over the raw bytes, apply in one transaction, answer in the bank's own words."""

from hashlib import sha256

from paygw.hub.credit import Message, credit
from paygw.hub.hub import Hub
from paygw.hub.registry import Bank
from paygw.hub.transfers import is_observer
from paygw.kernel.connector import BadSignature, HttpReply, HttpRequest, Ignored, Malformed, Notice, Verdict
from paygw.kernel.errors import Unavailable
from paygw.kernel.evidence import AUTHORITATIVE
from paygw.store.messages import log_refused, store_ignored

_OUTCOMES = {
    Verdict.ACCEPTED: "credited",
    Verdict.DUPLICATE: "duplicate",
    Verdict.UNKNOWN_ORDER: "unapplied",
    Verdict.WRONG_AMOUNT: "unapplied",
    Verdict.ALREADY_FINAL: "unapplied",
    Verdict.IGNORED: "ignored",
    Verdict.BAD_SIGNATURE: "rejected_signature",
    Verdict.MALFORMED: "rejected_parse",
    Verdict.UNAVAILABLE: "unavailable",
}


async def receive_webhook(hub: Hub, bank: Bank, request: HttpRequest) -> HttpReply:
    """The bank's message in, its acknowledgement out. What is not authentic changes nothing but a bounded log."""
    verdict = await _verdict(hub, bank, request)
    hub.observe.count("paygw_webhooks_received_total", bank=bank.id, outcome=_OUTCOMES[verdict])
    return bank.connector.acknowledge(verdict)


async def _verdict(hub: Hub, bank: Bank, request: HttpRequest) -> Verdict:
    digest = sha256(request.method.encode() + b"\0" + request.url.encode() + b"\0" + request.body).digest()
    try:
        notice = bank.connector.parse_webhook(request, bank.secrets, hub.clock())
    except BadSignature:
        await refuse(hub, bank, digest, "bad_signature")
        return Verdict.BAD_SIGNATURE
    except Malformed:
        await refuse(hub, bank, digest, "malformed")
        return Verdict.MALFORMED
    try:
        return await _apply(hub, bank, notice, Message(digest=digest, body=request.body or request.url.encode()))
    except Unavailable:
        return Verdict.UNAVAILABLE


async def _apply(hub: Hub, bank: Bank, notice: Notice | Ignored, message: Message) -> Verdict:
    """Weak messages (a shared token only) are kept, and wait for an authoritative answer or the statement."""
    weak = isinstance(notice, Ignored) or (notice.authority < AUTHORITATIVE and not is_observer(bank))
    if isinstance(notice, Ignored) or weak or not notice.evidence:
        async with hub.pool.acquire() as connection:
            await store_ignored(connection, bank=bank.id, digest=message.digest, body=message.body)
        return Verdict.IGNORED
    return await credit(hub, bank, notice, message)


async def refuse(hub: Hub, bank: Bank, digest: bytes, reason: str) -> None:
    """Note a message that failed verification, in a log that nobody can fill."""
    hub.observe.count("paygw_auth_failures_total", kind=f"webhook_{reason}")
    async with hub.pool.acquire() as connection:
        limit = hub.settings.refused_webhooks_per_min
        await log_refused(connection, bank=bank.id, digest=digest, reason=reason, per_minute_max=limit)
