"""Transfers: what observers tell of an account becomes receipts, one per landing of cash.

An observer (connector without methods: `sepay`, `casso`, `vietqr_vn`) may speak about the accounts its option
`accounts` names; a bank that takes payers and whose money lands on such an account is an observer of it too (`payos`).
kernel/identity.py decides what is new, known or must wait; here accounts and orders are found and the result is kept.
What is to be booked goes back to hub/credit.py, under the bank that owns the attempt.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from asyncpg import Connection

from paygw.hub.hub import Hub
from paygw.hub.registry import Bank
from paygw.kernel.decide import VIETNAM
from paygw.kernel.evidence import AUTHORITATIVE, Authority, Evidence, PaymentSeen
from paygw.kernel.identity import Credit, Observation, observe
from paygw.kernel.observed import accounts_of
from paygw.store.cases import open_case
from paygw.store.transfers import (
    keep_identity,
    keep_observation,
    lock_identity,
    owners_of,
    read_near,
    told_before,
)


@dataclass(frozen=True, slots=True)
class Landed:
    """Cash to be booked, named or doubted: a payment in the words of the bank that owns the account."""

    bank: Bank
    payment: PaymentSeen


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What an observation came to: payments to book (or to name, or to freeze), and the credits it concerns."""

    landed: tuple[Landed, ...] = ()
    credits: tuple[Credit, ...] = ()
    is_new: bool = True


def is_observer(bank: Bank) -> bool:
    """Whether a bank takes no payers and only tells what happens on accounts."""
    return not bank.connector.methods and bank.connector.inquiry is None


def observed_account(hub: Hub, bank: Bank, item: PaymentSeen) -> str | None:
    """The account a payment landed on, if several may tell of it; None for money that only this bank knows."""
    banks = hub.registry.banks.values()
    if is_observer(bank):
        may = accounts_of(bank.secrets.options)
        named = item.account or (may[0] if len(may) == 1 else "")
        return named if named in may and owners(hub, named) else None
    account = bank.landing.account
    if bank.connector.receipts_per_attempt != "many" or bank.landing.home != "account" or not account:
        return None
    watched = any(is_observer(one) and account in accounts_of(one.secrets.options) for one in banks)
    return account if watched or bank.connector.refs_in is not None else None


def observed_accounts(hub: Hub, bank: Bank, evidence: Iterable[Evidence]) -> set[str]:
    """The accounts a message speaks about, as far as several may tell of them."""
    found = {observed_account(hub, bank, item) for item in evidence if isinstance(item, PaymentSeen)}
    return {account for account in found if account}


def owners(hub: Hub, account: str) -> tuple[Bank, ...]:
    """The banks whose payers pay into an account; those that read our codes in a memo come first."""
    found = [
        bank
        for bank in hub.registry.banks.values()
        if bank.landing.account == account and bank.landing.home == "account" and bank.connector.methods
    ]
    return tuple(sorted(found, key=lambda bank: (bank.connector.refs_in is None, bank.id)))


async def take_in(
    hub: Hub, connection: Connection, bank: Bank, account: str, item: PaymentSeen, authority: Authority
) -> Sighting:
    """One observation of an account, under its lock. A bearer's word names no order and books nothing: it waits."""
    await lock_identity(connection, account)
    observed_id = item.observed_id or item.bank_txn_id or f"{item.occurred_at.isoformat()}|{item.amount_vnd}"
    told = await told_before(connection, bank.id, observed_id)
    if told is not None:  # the ids an observer gives are its own and used once; other content under one is not money
        if (told.amount_vnd, told.account) != (item.amount_vnd, account):
            detail = "an observer told another amount or account under an id it had used"
            await open_case(connection, key=f"conflict:{bank.id}:{observed_id}", kind="conflict", detail=detail)
        return Sighting(is_new=False)
    believed = authority >= AUTHORITATIVE
    mine = owners(hub, account)
    codes = await order_codes(connection, mine, [item]) if believed else [None]
    seen = Observation(
        id=observed_id,
        observer=bank.id,
        reference=item.bank_txn_id if believed else None,
        amount_vnd=item.amount_vnd,
        day=item.occurred_at.astimezone(VIETNAM).date(),
        order_code=codes[0],
    )
    before = await read_near(connection, account, seen)
    step = observe(before, seen)
    if step.outcome != "conflict":
        await keep_observation(connection, step.account, seen)
    await keep_identity(connection, before, step.account)
    doubted = [credit for credit in before.credits if credit.key in step.conflicts]
    landed = [await payment_of(connection, mine, credit, item) for credit in (*step.booked, *step.named)]
    landed += [await payment_of(connection, mine, credit, item, told_vnd=item.amount_vnd) for credit in doubted]
    touched = [credit for credit in step.account.credits if credit not in before.credits]
    return Sighting(landed=tuple(landed), credits=tuple(touched), is_new=step.outcome not in {"known", "same"})


async def order_codes(connection: Connection, mine: Sequence[Bank], items: Sequence[PaymentSeen]) -> list[str | None]:
    """For each transfer the reference of our attempt it names: virtual account first, then the memo."""
    wanted = [_candidates(mine, item) for item in items]
    known = await _known(connection, mine, {ref for refs in wanted for ref in refs})
    return [next((ref for ref in refs if ref in known), None) for refs in wanted]


async def payment_of(
    connection: Connection, mine: Sequence[Bank], credit: Credit, item: PaymentSeen, *, told_vnd: int | None = None
) -> Landed:
    """A credit as the payment its receipt is booked from."""
    code = credit.order_code
    known = await _known(connection, mine, {code} if code else set())
    bank = next((bank for bank in mine if code and bank.id == known.get(code)), mine[0])
    account = bank.landing.account
    payment = PaymentSeen(
        attempt_ref=code,
        bank_txn_id=credit.key.removeprefix(f"{account}|"),
        amount_vnd=credit.amount_vnd if told_vnd is None else told_vnd,
        occurred_at=item.occurred_at,
        account=account,
        memo=item.memo,
    )
    return Landed(bank, payment)


def _candidates(mine: Sequence[Bank], item: PaymentSeen) -> tuple[str, ...]:
    found: list[str] = []
    for bank in mine:
        if bank.connector.refs_in is not None:
            found += bank.connector.refs_in(item, bank.secrets)
    named = [item.attempt_ref] if item.attempt_ref else []
    return tuple(dict.fromkeys([*found, *named]))


async def _known(connection: Connection, mine: Sequence[Bank], refs: Iterable[str]) -> dict[str, str]:
    banks, merchants = [bank.id for bank in mine], [bank.secrets.merchant for bank in mine]
    return await owners_of(connection, banks, merchants, sorted(refs))
