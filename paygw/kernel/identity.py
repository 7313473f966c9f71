"""Which observations of an account speak of the same credit (receipt identity of transfers).

Several observers report one transfer: a notification, an aggregator, the bank's statement; each with its own
reference, or none. Money is booked at most once per true credit at every moment (M-13): what might be known already
waits, and once a day's statement has been read, nothing but a statement books. Cumulative figures are no observations
(see `news.see_total`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

REACH = timedelta(days=2)  # how far two observers' dates of one credit lie apart; none runs ahead of the bank's
Outcome = Literal["booked", "same", "known", "waits", "conflict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One credit as one observer tells it. `id` is that message's own; `reference` the bank's, normalised."""

    id: str
    observer: str
    reference: str | None
    amount_vnd: int
    day: date
    order_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """One credit of a statement that is neither internal, a return nor funding."""

    id: str
    reference: str | None
    amount_vnd: int
    order_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """One landing of cash on an account: a receipt as far as identity goes. `line_id` is set once a statement has it.

    `aliases` are the (observer, reference or message id) pairs that turned out to speak of it.
    """

    key: str
    amount_vnd: int
    day: date
    order_code: str | None
    references: frozenset[str] = frozenset()
    aliases: frozenset[tuple[str, str]] = frozenset()
    line_id: str | None = None

    @property
    def observers(self) -> frozenset[str]:
        """Who has reported it."""
        return frozenset(observer for observer, _ in self.aliases)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """All that was ever observed of one receiving account."""

    id: str
    credits: tuple[Credit, ...] = ()
    waiting: tuple[Observation, ...] = ()
    read_days: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The account afterwards. `booked` credits are new receipts; `named` existing ones whose order is now known."""

    account: Account
    outcome: Outcome
    booked: tuple[Credit, ...] = ()
    named: tuple[Credit, ...] = ()
    conflicts: tuple[str, ...] = ()  # keys of credits told with another amount


def observe(account: Account, seen: Observation) -> Step:
    """Take in one observation: it books a credit, joins one, waits, or is known already."""
    if any(_alias(seen) == _alias(item) for item in account.waiting):
        return Step(account=account, outcome="known")
    known = _told_before(account, seen)
    if known is not None:
        return _told_again(account, known, seen)
    if seen.reference is None or seen.day in account.read_days:
        return _settled(replace(account, waiting=(*account.waiting, seen)), "waits")
    if any(_suspected(credit, seen) for credit in account.credits):
        return Step(account=replace(account, waiting=(*account.waiting, seen)), outcome="waits")
    credit = Credit(
        key=f"{account.id}|{seen.reference}",
        amount_vnd=seen.amount_vnd,
        day=seen.day,
        order_code=seen.order_code,
        references=frozenset({seen.reference}),
        aliases=frozenset({_alias(seen)}),
    )
    return Step(account=replace(account, credits=(*account.credits, credit)), outcome="booked", booked=(credit,))


def read_statement(account: Account, day: date, lines: Iterable[StatementLine]) -> Step:
    """Read the complete statement of a day: exact references first, then adoption by amount; then what waits joins.

    Reading it again changes nothing.
    """
    claimed = {credit.line_id for credit in account.credits}
    fresh = [line for line in lines if line.id not in claimed]
    after, named, conflicts = account, list[str](), list[str]()
    rest: list[StatementLine] = []
    for line in fresh:
        exact = _unclaimed_by_reference(after, line)
        if exact is not None and exact.amount_vnd != line.amount_vnd:
            conflicts.append(exact.key)
        if exact is None or exact.amount_vnd != line.amount_vnd:
            rest.append(line)
            continue
        after = _claim(after, exact, line, day, named)
    booked: list[Credit] = []
    for line in rest:
        heir = _adoptable(after, line, day)
        if heir is not None:
            after = _claim(after, heir, line, day, named)
        else:
            credit = _from_line(after, line, day)
            booked.append(credit)
            after = replace(after, credits=(*after.credits, credit))
    after = replace(after, read_days=after.read_days | {day})
    settled = _settled(after, "same" if fresh else "known")
    by_key = {credit.key: credit for credit in settled.account.credits}
    keys = dict.fromkeys([*named, *(credit.key for credit in settled.named)])
    return replace(
        settled,
        booked=tuple(by_key[credit.key] for credit in booked),
        named=tuple(by_key[key] for key in keys if key not in {credit.key for credit in booked}),
        conflicts=tuple(conflicts),
    )


def overdue(account: Account) -> tuple[Observation, ...]:
    """Observations that still wait although every day they may belong to has been read: each is a case."""
    return tuple(seen for seen in account.waiting if _all_read(account, seen))


def _told_before(account: Account, seen: Observation) -> Credit | None:
    """The credit with this very reference, or this very message."""
    for credit in account.credits:
        if _alias(seen) in credit.aliases or (seen.reference is not None and seen.reference in credit.references):
            return credit
    return None


def _told_again(account: Account, known: Credit, seen: Observation) -> Step:
    if known.amount_vnd != seen.amount_vnd:
        return Step(account=account, outcome="conflict", conflicts=(known.key,))
    joined = _join(account, known, seen)
    if joined == account:
        return Step(account=account, outcome="known")
    now = next(credit for credit in joined.credits if credit.key == known.key)
    named = (now,) if known.order_code != now.order_code else ()
    return Step(account=joined, outcome="same", named=named)


def _suspected(credit: Credit, seen: Observation) -> bool:
    """Perhaps the same transfer: equal and near, never told by this observer, not two different orders."""
    return (
        credit.amount_vnd == seen.amount_vnd
        and abs(credit.day - seen.day) <= REACH
        and seen.observer not in credit.observers
        and not _differ(credit.order_code, seen.order_code)
    )


def _settled(account: Account, outcome: Outcome) -> Step:
    """Let every waiting observation of a read day join a credit that it may be; it never creates money."""
    named: list[str] = []
    for seen in account.waiting:
        if seen.day not in account.read_days:
            continue
        home = _home_of(account, seen)
        if home is None:
            continue
        joined = _join(account, home, seen)
        account = replace(joined, waiting=tuple(item for item in joined.waiting if item != seen))
        if home.order_code is None and seen.order_code is not None:
            named.append(home.key)
    by_key = {credit.key: credit for credit in account.credits}
    return Step(account=account, outcome=outcome, named=tuple(by_key[key] for key in dict.fromkeys(named)))


def _home_of(account: Account, seen: Observation) -> Credit | None:
    """Where a waiting observation belongs: same reference, same order, not yet told by this observer.

    As long as a statement of a day it may belong to is missing, it joins nothing its observer told of already.
    """
    near = [c for c in account.credits if c.amount_vnd == seen.amount_vnd and abs(c.day - seen.day) <= REACH]
    ranked = sorted(near, key=lambda credit: _rank(credit, seen))
    if not ranked:
        return None
    best = ranked[0]
    certain = seen.reference is not None and seen.reference in best.references
    return best if certain or _suspected(best, seen) or _all_read(account, seen) else None


def _rank(credit: Credit, seen: Observation) -> tuple[bool, bool, bool, bool, date, str]:
    """Best first: the same reference, told by others only, the same order, no other order."""
    return (
        seen.reference is None or seen.reference not in credit.references,
        seen.observer in credit.observers,
        seen.order_code is None or credit.order_code != seen.order_code,
        _differ(credit.order_code, seen.order_code),
        credit.day,
        credit.key,
    )


def _all_read(account: Account, seen: Observation) -> bool:
    days = (seen.day + timedelta(days=n) for n in range(REACH.days + 1))
    return all(day in account.read_days for day in days)


def _unclaimed_by_reference(account: Account, line: StatementLine) -> Credit | None:
    for credit in account.credits:
        if credit.line_id is None and line.reference is not None and line.reference in credit.references:
            return credit
    return None


def _adoptable(account: Account, line: StatementLine, day: date) -> Credit | None:
    """An equal credit that no statement line claims, dated on the bank's day or shortly before; same order first."""
    fitting = [
        credit
        for credit in account.credits
        if credit.line_id is None
        and credit.amount_vnd == line.amount_vnd
        and timedelta(0) <= day - credit.day <= REACH
        and not _differ(credit.order_code, line.order_code)
    ]
    return min(fitting, key=lambda c: (c.order_code != line.order_code, c.day, c.key), default=None)


def _claim(account: Account, credit: Credit, line: StatementLine, day: date, named: list[str]) -> Account:
    if credit.order_code is None and line.order_code is not None:
        named.append(credit.key)
    references = credit.references | ({line.reference} if line.reference else frozenset())
    claimed = replace(
        credit,
        line_id=line.id,
        day=day,
        references=references,
        order_code=credit.order_code or line.order_code,
    )
    return _put(account, claimed)


def _from_line(account: Account, line: StatementLine, day: date) -> Credit:
    taken = line.reference is None or any(line.reference in credit.references for credit in account.credits)
    return Credit(
        key=f"{account.id}|line:{line.id}" if taken else f"{account.id}|{line.reference}",
        amount_vnd=line.amount_vnd,
        day=day,
        order_code=line.order_code,
        references=frozenset({line.reference} if line.reference else ()),
        line_id=line.id,
    )


def _join(account: Account, credit: Credit, seen: Observation) -> Account:
    known = any(seen.reference in other.references for other in account.credits)
    references = credit.references if known or seen.reference is None else credit.references | {seen.reference}
    order_code = credit.order_code or seen.order_code
    joined = replace(credit, aliases=credit.aliases | {_alias(seen)}, references=references, order_code=order_code)
    return _put(account, joined)


def _put(account: Account, changed: Credit) -> Account:
    kept = tuple(changed if credit.key == changed.key else credit for credit in account.credits)
    return replace(account, credits=kept)


def _alias(seen: Observation) -> tuple[str, str]:
    return seen.observer, seen.reference or seen.id


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other
