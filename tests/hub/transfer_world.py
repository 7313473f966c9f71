"""A receiving account with everybody who tells of it: SePay, Casso, VietQR VN and payOS, each in its own messages."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import count

from asyncpg import Record

from connectors import discover
from paygw.hub.attempts import PayAsk, begin_attempt
from paygw.hub.hub import Hub, RegistryHolder
from paygw.hub.registry import Bank
from paygw.hub.statements import CreditLine, StatementRead, read_statement
from paygw.hub.webhooks import receive_webhook
from paygw.kernel.connector import HttpReply, Secrets
from paygw.kernel.decide import Landing
from paygw.kernel.evidence import DebitSeen, PaymentSeen
from paygw.kernel.orders import Attempt
from paygw.simulators.side import sides

ACCOUNT = "0011001234567"
OBSERVERS = ("sepay", "casso", "vietqr_vn")
LANDING = Landing(home="account", account=ACCOUNT, holder="KBNN")
_NUMBERS = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A credit as it truly happened. `number` is what each observer's own id is made of."""

    reference: str | None
    amount_vnd: int
    at: datetime
    memo: str = ""
    virtual_account: str = ""
    number: int = 0


def transfer(hub: Hub, amount_vnd: int, memo: str = "", **more: object) -> Transfer:
    """A fresh credit, now."""
    number = next(_NUMBERS)
    made = Transfer(
        reference=f"FT26325{number:06d}",
        amount_vnd=amount_vnd,
        at=hub.clock().replace(second=0),
        memo=memo,
        number=number,
    )
    return replace(made, **more)  # type: ignore[arg-type]  # a test names the fields it means


def watched(hub: Hub, **options: str) -> Hub:
    """The hub with the account, its VietQR bank and its observers."""
    banks = dict(hub.registry.banks)
    for name in (*OBSERVERS, "vietqr", "payos"):
        side = sides()[name].secrets
        own = {"accounts": ACCOUNT} if name in OBSERVERS else {}
        secrets = replace(side, options={**side.options, **own, **options})
        landing = LANDING if name in {"vietqr", "payos"} else Landing()
        banks[name] = _bank(name, secrets, landing)
    registry = replace(hub.registry, banks=banks)
    return replace(hub, registry_holder=RegistryHolder(registry))


async def scanned(hub: Hub, order_id: str) -> Attempt:
    """The payer has the QR code before the camera."""
    bank = hub.registry.banks["vietqr"]
    pay = PayAsk(
        order_id=order_id, bank=bank, method="transfer", payer_ip="127.0.0.1", locale="vi", return_url="http://hub/back"
    )
    return (await begin_attempt(hub, pay)).attempt


async def tells(hub: Hub, observer: str, credit: Transfer, **altered: object) -> HttpReply:
    """One observer tells of a credit in its own message; the hub's answer."""
    named = {"vietqr_vn": f"tx-{credit.number}"}.get(observer, str(credit.number))
    seen = PaymentSeen(
        attempt_ref=None,
        observed_id=named,
        bank_txn_id=credit.reference,
        amount_vnd=credit.amount_vnd,
        occurred_at=credit.at,
        account=ACCOUNT,
        memo=credit.memo,
        virtual_account=credit.virtual_account if observer != "vietqr_vn" else "",
    )
    if observer == "payos":
        seen = replace(seen, attempt_ref=str(1_000_000 + credit.number), observed_id="", virtual_account="")
    return await sends(hub, observer, replace(seen, **altered))  # type: ignore[arg-type]  # the fields a test means


async def sends(hub: Hub, observer: str, seen: PaymentSeen | DebitSeen) -> HttpReply:
    """Deliver what an observer says."""
    bank = hub.registry.banks[observer]
    message = sides()[observer].tell(seen, bank.secrets, hub.clock())
    if bank.secrets.options.get("auth") == "apikey":
        message = replace(message, headers={"authorization": f"Apikey {bank.secrets.values['secret']}"})
    return await receive_webhook(hub, bank, message)


async def states(hub: Hub, *credits_: Transfer, day: date | None = None) -> StatementRead:
    """The bank's statement of a day holds exactly these credits."""
    on = day or (hub.clock() + timedelta(hours=7)).date()
    lines = [
        CreditLine(
            id=f"{on}-{one.number}",
            reference=one.reference,
            amount_vnd=one.amount_vnd,
            occurred_at=one.at,
            memo=one.memo,
            virtual_account=one.virtual_account,
        )
        for one in credits_
    ]
    return await read_statement(hub, ACCOUNT, on, lines)


async def rows(hub: Hub, sql: str) -> list[Record]:
    """What the database holds."""
    async with hub.pool.acquire() as connection:
        found: list[Record] = await connection.fetch(sql)
    return found


async def receipts(hub: Hub) -> list[tuple[int, bool]]:
    """Every receipt: its amount, and whether it has an order."""
    found = await rows(hub, "SELECT amount_vnd, order_id FROM receipts ORDER BY amount_vnd, key")
    return [(row["amount_vnd"], row["order_id"] is not None) for row in found]


async def waiting(hub: Hub) -> int:
    """How many observations wait."""
    return len(await rows(hub, "SELECT FROM account_observations WHERE credit_key IS NULL"))


def _bank(name: str, secrets: Secrets, landing: Landing) -> Bank:
    connector = discover()[name]
    return Bank(id=name, title=connector.title, connector=connector, secrets=secrets, landing=landing, enabled=True)
