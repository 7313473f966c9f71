"""A month of both sides, and the third files that belong to it."""

import random
from collections.abc import Sequence
from datetime import date, datetime

from reconciliation.model import BreakKind, Kind, Line, Status
from tests.recon.corpus import DAYS, VIETNAM, Corpus, applied_of, is_paid, payment_of, plant
from tests.recon.plants import NOISE, PLANTS


def build(*, seed: int, per_day: int, each: int, days: Sequence[date] = DAYS) -> Corpus:
    """`per_day` payments a day over all banks, `each` plants of every kind that two files can hold."""
    corpus = Corpus(rng=random.Random(seed))  # noqa: S311 - the same seed gives the same month
    pairs = [payment_of(corpus, day) for day in days for _ in range(per_day)]
    order = list(range(len(pairs)))
    corpus.rng.shuffle(order)
    chosen = iter(order)
    for change in PLANTS:
        for _ in range(each):
            change(corpus, pairs[next(chosen)])
    for noise in NOISE:
        for _ in range(each):
            noise(corpus, pairs[next(chosen)])
    for pair in pairs:
        corpus.book += pair.book
        corpus.lines += pair.lines
        if pair.applied:
            corpus.applied += [applied_of(row) for row in pair.book if is_paid(row)]
    corpus.rng.shuffle(corpus.book)
    corpus.rng.shuffle(corpus.lines)
    return corpus


def pay_out(corpus: Corpus, *, gross: bool, wrong: int) -> None:
    """One credit of the third file per settlement day, account and bank; `wrong` are one đồng or more off."""
    sums: dict[tuple[date, str, str], int] = {}
    for line in corpus.lines:
        if line.status is Status.SUCCEEDED and line.settled_on is not None:
            sign = 1 if line.kind is Kind.PAYMENT else -1
            key = line.settled_on, line.account, line.bank_txn_id.rstrip("0123456789")
            sums[key] = sums.get(key, 0) + sign * line.amount_vnd - (0 if gross else line.fee_vnd or 0)
    off = set(corpus.rng.sample(sorted(sums), wrong))
    for day, account, bank in sorted(sums):
        name = f"{bank}{day:%Y%m%d}{account[-4:]}"
        gap_vnd = corpus.rng.choice((-1, 1, 33_000)) if (day, account, bank) in off else 0
        if gap_vnd:
            plant(corpus, BreakKind.NET_TOTAL_DIFFERS, name)
        at = datetime(day.year, day.month, day.day, 16, tzinfo=VIETNAM)
        corpus.credits.append(_credit(name, account, sums[day, account, bank] + gap_vnd, at))


def _credit(name: str, account: str, amount_vnd: int, at: datetime) -> Line:
    kind = Kind.PAYMENT if amount_vnd >= 0 else Kind.REFUND
    return Line(
        ref=f"QT-{name}",
        bank_txn_id=name,
        kind=kind,
        amount_vnd=abs(amount_vnd),
        fee_vnd=0,
        status=Status.SUCCEEDED,
        occurred_at=at,
        settled_on=at.date(),
        account=account,
    )
