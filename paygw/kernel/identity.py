"""Which observations of an account speak of the same credit (receipt identity of transfers).

Several observers report one transfer: a notification, an aggregator, the bank's statement; each with its own
reference, or none. Money is booked at most once per true credit at every moment (M-13): what might be known already
waits, and once a day's statement has been read, nothing but a statement books. Cumulative figures are no observations
(see `news.see_total`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

REACH_DAYS = 2  # how long before the bank an observer may date a credit; none runs ahead of the bank
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
class Claim:
    """The statement line of a credit; `certain` by reference, otherwise by amount, and open to a better fit."""

    line: StatementLine
    day: date
    certain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """One landing of cash on an account: a receipt as far as identity goes.

    `seen_day`, `told_code` and `references` are what its first observer said (None and empty if a statement booked
    it); `order_code` may also come from a later one. `aliases` are the (observer, reference or message id) pairs that
    were taken to speak of it; `reported_by` names the observers that surely do: they gave its reference.
    """

    key: str
    amount_vnd: int
    seen_day: date | None
    told_code: str | None = None
    order_code: str | None = None
    references: frozenset[str] = frozenset()
    aliases: frozenset[tuple[str, str]] = frozenset()
    reported_by: frozenset[str] = frozenset()
    claim: Claim | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """All that was ever observed of one receiving account."""

    id: str
    credits: tuple[Credit, ...] = ()
    waiting: tuple[Observation, ...] = ()
    read_days: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The account afterwards. `booked` credits are new receipts; `named` older ones whose order is known now."""

    account: Account
    outcome: Outcome
    booked: tuple[Credit, ...] = ()
    named: tuple[Credit, ...] = ()
    conflicts: tuple[str, ...] = ()  # keys of credits told with another amount


def observe(account: Account, seen: Observation) -> Step:
    """Take in one observation: it books a credit, joins one, waits, or is known already."""
    known = _told_before(account, seen)
    if known is not None and known.amount_vnd != seen.amount_vnd:
        return Step(account=account, outcome="conflict", conflicts=(known.key,))
    if known is not None:
        joined = _join(account, known, seen)
        return _step(account, joined, "known" if joined == account else "same")
    if any(_alias(seen) == _alias(item) for item in account.waiting):
        return Step(account=account, outcome="known")
    read = any(day in account.read_days for day in _days_of(seen))
    if seen.reference is None or read or any(_suspected(credit, seen) for credit in account.credits):
        waits = replace(account, waiting=(*account.waiting, seen))
        return _step(account, _settled(waits), "waits")
    credit = Credit(
        key=f"{account.id}|{seen.reference}",
        amount_vnd=seen.amount_vnd,
        seen_day=seen.day,
        told_code=seen.order_code,
        order_code=seen.order_code,
        references=frozenset({seen.reference}),
        aliases=frozenset({_alias(seen)}),
        reported_by=frozenset({seen.observer}),
    )
    return _step(account, replace(account, credits=(*account.credits, credit)), "booked")


def read_statement(account: Account, day: date, lines: Iterable[StatementLine]) -> Step:
    """Read the complete statement of a day: exact references first, then adoption by amount; then what waits joins.

    Reading it again changes nothing.
    """
    seen = {credit.claim.line.id for credit in account.credits if credit.claim}
    fresh = [line for line in lines if line.id not in seen]
    known = {credit.key: credit for credit in account.credits}
    named = _by_references(known.values())
    equal: dict[int, list[str]] = {}
    for credit in known.values():
        equal.setdefault(credit.amount_vnd, []).append(credit.key)
    rest: list[tuple[StatementLine, date]] = []
    conflicts: list[str] = []
    for line in fresh:
        exact = _by_reference([known[key] for key in named.get(line.reference or "", ())], line)
        if exact is None or exact.amount_vnd != line.amount_vnd:
            conflicts += [exact.key] if exact else []
            rest.append((line, day))
            continue
        if exact.claim is not None:
            rest.append((exact.claim.line, exact.claim.day))
        known[exact.key] = _claimed(exact, Claim(line=line, day=day, certain=True))
    for line, line_day in rest:
        alike = equal.setdefault(line.amount_vnd, [])
        if not _adopt(known, alike, line, line_day, set()):
            born = _from_line(account.id, known, line, line_day)
            known[born.key] = born
            alike.append(born.key)
    after = replace(account, credits=tuple(known.values()), read_days=account.read_days | {day})
    return replace(_step(account, _settled(after), "same" if fresh else "known"), conflicts=tuple(conflicts))


def overdue(account: Account) -> tuple[Observation, ...]:
    """Observations that still wait although every day they may belong to has been read: each is a case."""
    return tuple(seen for seen in account.waiting if _all_read(account, seen))


def _told_before(account: Account, seen: Observation) -> Credit | None:
    """The credit this very message joined, or the one with its reference."""
    same = (credit for credit in account.credits if _alias(seen) in credit.aliases)
    named = (credit for credit in account.credits if seen.reference in credit.references)
    return next(same, None) or next(named, None)


def _suspected(credit: Credit, seen: Observation) -> bool:
    """Perhaps the same transfer: equal and near, not surely told by this observer, not two different orders."""
    days = [day for day in (credit.seen_day, credit.claim.day if credit.claim else None) if day is not None]
    return (
        credit.amount_vnd == seen.amount_vnd
        and any(abs((day - seen.day).days) <= REACH_DAYS for day in days)
        and seen.observer not in credit.reported_by
        and not _differ(credit.told_code, seen.order_code)
    )


def _settled(account: Account) -> Account:
    """Let what waits join the credits of statements that were read; it never creates money."""
    for seen in account.waiting:
        home = _home_of(account, seen)
        if home is not None:
            joined = _join(account, home, seen)
            account = replace(joined, waiting=tuple(item for item in joined.waiting if item != seen))
    return account


def _home_of(account: Account, seen: Observation) -> Credit | None:
    """Where a waiting observation belongs: same reference, same order, not yet told by this observer.

    As long as a statement of a day it may belong to is missing, it joins nothing its observer told of already.
    """
    days = _days_of(seen)
    near = [c for c in account.credits if c.amount_vnd == seen.amount_vnd and c.claim and c.claim.day in days]
    best = min(near, key=lambda credit: _distance(credit, seen), default=None)
    if best is None:
        return None
    free = not _told(best, seen) and not _differ(best.told_code, seen.order_code)
    return best if seen.reference in best.references or free or _all_read(account, seen) else None


def _distance(credit: Credit, seen: Observation) -> tuple[bool, bool, bool, bool, str]:
    """Nearest first: the same reference, told by others only, the same order, no other order."""
    return (
        seen.reference not in credit.references,
        _told(credit, seen),
        seen.order_code is None or credit.order_code != seen.order_code,
        _differ(credit.order_code, seen.order_code),
        credit.key,
    )


def _told(credit: Credit, seen: Observation) -> bool:
    return any(observer == seen.observer for observer, _ in credit.aliases)


def _all_read(account: Account, seen: Observation) -> bool:
    return all(day in account.read_days for day in _days_of(seen))


def _days_of(seen: Observation) -> tuple[date, ...]:
    """The days on which the bank may have booked what was seen."""
    return tuple(seen.day + timedelta(days=n) for n in range(REACH_DAYS + 1))


def _by_references(known: Iterable[Credit]) -> dict[str, list[str]]:
    """The keys of credits by each reference they were told under, in order."""
    found: dict[str, list[str]] = {}
    for credit in known:
        for reference in credit.references:
            found.setdefault(reference, []).append(credit.key)
    return found


def _by_reference(known: Iterable[Credit], line: StatementLine) -> Credit | None:
    """The credit that was told under a line's reference and has no certain line yet."""
    for credit in known:
        if line.reference in credit.references and not (credit.claim and credit.claim.certain):
            return credit
    return None


def _adopt(known: dict[str, Credit], alike: Sequence[str], line: StatementLine, day: date, tried: set[str]) -> bool:
    """Give a line an equal credit, dated on the bank's day or shortly before; same order first.

    A credit that another line claims by amount alone is given up if that line finds another one: so lines and credits
    match in full whenever they can, in whatever order statements are read. `alike` are the keys of equal credits.
    """
    near = (known[key] for key in alike if _adoptable(known[key], line, day))
    for credit in sorted(near, key=lambda c: (c.told_code != line.order_code, c.claim is not None, c.key)):
        if credit.key in tried:
            continue
        tried.add(credit.key)
        old = credit.claim
        if old is None or _adopt(known, alike, old.line, old.day, tried):
            known[credit.key] = _claimed(credit, Claim(line=line, day=day, certain=False))
            return True
    return False


def _adoptable(credit: Credit, line: StatementLine, day: date) -> bool:
    return (
        credit.amount_vnd == line.amount_vnd
        and credit.seen_day is not None
        and 0 <= (day - credit.seen_day).days <= REACH_DAYS
        and not (credit.claim and credit.claim.certain)
        and not _differ(credit.told_code, line.order_code)
    )


def _claimed(credit: Credit, claim: Claim) -> Credit:
    return replace(credit, claim=claim, order_code=credit.order_code or claim.line.order_code)


def _from_line(account_id: str, known: Mapping[str, Credit], line: StatementLine, day: date) -> Credit:
    key = f"{account_id}|{line.reference}"
    taken = line.reference is None or key in known
    return Credit(
        key=f"{account_id}|line:{line.id}" if taken else key,
        amount_vnd=line.amount_vnd,
        seen_day=None,
        order_code=line.order_code,
        references=frozenset() if line.reference is None else frozenset({line.reference}),
        claim=Claim(line=line, day=day, certain=True),
    )


def _join(account: Account, credit: Credit, seen: Observation) -> Account:
    surely = {seen.observer} if seen.reference in credit.references else set[str]()
    joined = replace(
        credit,
        aliases=credit.aliases | {_alias(seen)},
        order_code=credit.order_code or seen.order_code,
        reported_by=credit.reported_by | surely,
    )
    kept = tuple(joined if item.key == joined.key else item for item in account.credits)
    return replace(account, credits=kept)


def _step(before: Account, after: Account, outcome: Outcome) -> Step:
    """What a step did: the credits that are new, and the older ones that have an order now."""
    codes = {credit.key: credit.order_code for credit in before.credits}
    booked = tuple(credit for credit in after.credits if credit.key not in codes)
    named = tuple(c for c in after.credits if c.key in codes and c.order_code != codes[c.key])
    return Step(account=after, outcome=outcome, booked=booked, named=named)


def _alias(seen: Observation) -> tuple[str, str]:
    return seen.observer, seen.reference or seen.id


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other
