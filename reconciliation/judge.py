"""Sorting what is left: the steps in their order, each seeing only what the one before left open."""

from collections.abc import Callable, Iterable
from typing import Final

from reconciliation.desk import Desk, Terms, open_desk
from reconciliation.doubles import drop_duplicates, find_paid_twice, raise_paid_twice
from reconciliation.leftovers import judge_leftovers, judge_orphans
from reconciliation.loose import pair_memos, pair_moments, pair_virtual_accounts
from reconciliation.pairing import pair_aliases, pair_batches, pair_references, pair_transactions
from reconciliation.rows import Row

STEPS: Final[tuple[Callable[[Desk], None], ...]] = (
    drop_duplicates,
    find_paid_twice,
    pair_batches,
    pair_transactions,
    pair_aliases,
    pair_references,
    raise_paid_twice,
    pair_virtual_accounts,
    pair_memos,
    pair_moments,
    judge_orphans,
    judge_leftovers,
)


def judge(book: Iterable[Row], lines: Iterable[Row], terms: Terms) -> Desk:
    """Match and name the breaks of rows that are not clean matches; the order of rows changes nothing."""
    desk = open_desk(terms, book, lines)
    for step in STEPS:
        step(desk)
    return desk
