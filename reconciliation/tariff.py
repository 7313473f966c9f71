"""What a provider charges, learned from a file whose lines agree on one rule, and the lines that break a rule.

A learned rule counts only if it explains 90 of 100 lines of its bank (the letters before a transaction's figures);
otherwise no fee is judged.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Final

import ibis
import msgspec
from ibis.expr.types import BooleanValue, IntegerValue, StringValue, Table

from reconciliation.charges import FEE_MAX_VND, PPM, ROUND, Tariff, off_tariff
from reconciliation.engine import fetch_rows
from reconciliation.files import Loaded
from reconciliation.model import Kind, Status
from reconciliation.relate import hash_of, rows_where
from reconciliation.rows import Row

Point = tuple[int, int]  # amount and fee

EXPLAINED_PERCENT: Final = 90
_BOUND_VOICES_MIN: Final = 2  # a single line off the rule is a wrong fee, not a floor
_RATE_VOICES_MIN: Final = 4  # two lie on some rate by chance
LINES_MIN: Final = 20
BANKS_MAX: Final = 50

_SAMPLE: Final = 10_000
_RATE_STEP: Final = 10  # parts per million: a thousandth of a percent
_POINTS: Final = 24
_USUAL: Final = 30  # a thirtieth of the lines is an amount that many pay
_SCALED_MAX: Final = 2**63 - 1 - PPM  # of the engine's numbers; the fees of larger amounts are counted again in Python
_COVERED_PERCENT: Final = 90  # of the lines are of banks with enough lines to learn from
_LETTERS: Final = "^[A-Za-z]+"


def learn_tariffs(bank: Loaded) -> tuple[Tariff, ...]:
    """The rules on which a file's own payment lines agree, one per bank; none where they do not."""
    charged = _charged(bank.table)
    step = max(1, bank.rows // _SAMPLE)
    sampled = charged.filter(hash_of(charged.ref, charged.bank_txn_id) % step == 0)
    found = sampled.group_by(prefix=_prefix(sampled.bank_txn_id), amount=sampled.amount_vnd, fee=sampled.fee_vnd)
    points: dict[str, Counter[Point]] = {}
    for row in fetch_rows(found.aggregate(lines=sampled.count())):
        points.setdefault(row["prefix"], Counter())[row["amount"], row["fee"]] += row["lines"]
    whole = sum(points.values(), Counter[Point]())
    banks = {prefix: seen for prefix, seen in points.items() if prefix and seen.total() >= LINES_MIN}
    covered = sum(seen.total() for seen in banks.values()) * 100 >= whole.total() * _COVERED_PERCENT
    points = banks if covered and len(banks) <= BANKS_MAX else {"": whole}
    shared = learn_tariff("", sum(points.values(), Counter())) if len(points) > 1 else None
    learned = (_own_or_shared(prefix, seen, shared) for prefix, seen in sorted(points.items()))
    return tuple(tariff for tariff in learned if tariff is not None)


def learn_tariff(prefix: str, seen: Counter[Point]) -> Tariff | None:
    """The simplest rule that explains most lines, if it explains nearly all."""
    total = seen.total()
    if total < LINES_MIN:
        return None
    seen = Counter(dict(sorted(seen.items())))  # ties do not depend on how the engine's threads shared the work
    best = _most_telling(_candidates(prefix, seen), seen)
    bounded = _most_telling((*_bounded(best, seen), *_sloping(best, seen)), seen)
    return bounded if _explained(bounded, seen) * 100 >= total * EXPLAINED_PERCENT else None


def wrong_fees(bank: Loaded, tariffs: Sequence[Tariff]) -> list[tuple[Row, int]]:
    """Payment lines whose fee is not their tariff's, with what it should be."""
    if not tariffs:
        return []
    table = bank.table
    wrong = rows_where(bank, _is_charged(table) & _any(_is_wrong(table, tariff, tariffs) for tariff in tariffs))
    return list(off_tariff(wrong, tariffs))


def _charged(table: Table) -> Table:
    return table.filter(_is_charged(table))


def _is_charged(table: Table) -> BooleanValue:
    paid = (table.kind == Kind.PAYMENT.value) & (table.status == Status.SUCCEEDED.value)
    return paid & table.fee_vnd.notnull()


def _prefix(txn: StringValue) -> StringValue:
    return txn.re_extract(_LETTERS, 0)


def _fee(tariff: Tariff, amount_vnd: IntegerValue) -> IntegerValue:
    """`Tariff.fee_vnd` over a table."""
    scaled = ibis.least(amount_vnd, _SCALED_MAX // PPM) * tariff.rate_ppm + ROUND[tariff.rounding]
    part = (scaled // PPM).cast("int64")
    if tariff.rounding == "half_even" and tariff.rate_ppm:
        part = part - ((scaled % PPM == 0) & (part % 2 == 1)).cast("int64")
    return ibis.least(ibis.greatest(part + tariff.fixed_vnd, tariff.min_vnd), tariff.max_vnd)


def _is_wrong(table: Table, tariff: Tariff, tariffs: Sequence[Tariff]) -> BooleanValue:
    wrong = table.fee_vnd != _fee(tariff, table.amount_vnd)
    prefix = _prefix(table.bank_txn_id)
    named = [one.prefix for one in tariffs if one.prefix]
    if tariff.prefix:
        return wrong & (prefix == tariff.prefix)
    return wrong & prefix.notin(named) if named else wrong


def _any(conditions: Iterable[BooleanValue]) -> BooleanValue:
    return ibis.or_(*conditions)


def _own_or_shared(prefix: str, seen: Counter[Point], shared: Tariff | None) -> Tariff | None:
    """A bank's own rule, or what all banks agree on if that explains more: a floor that one bank's lines show once."""
    own = learn_tariff(prefix, seen)
    explained = 0 if shared is None else _explained(shared, seen)
    if shared is None or explained * 100 < seen.total() * EXPLAINED_PERCENT:
        return own
    more = own is None or explained > _explained(own, seen)
    return msgspec.structs.replace(shared, prefix=prefix) if more else own


def _most_telling(rules: Iterable[Tariff], seen: Counter[Point]) -> Tariff:
    return max(rules, key=lambda rule: (_explained(rule, seen), -_parts(rule)))


def _sloping(flat: Tariff, seen: Counter[Point]) -> Iterator[Tariff]:
    """Where most fees are one floor or ceiling: the rate that the others follow, bounded."""
    others = Counter({point: lines for point, lines in seen.items() if not _fits(flat, point)})
    rates = [rule for rule in _candidates(flat.prefix, others) if rule.rate_ppm]
    if flat.rate_ppm or not rates:
        return
    rate = _most_telling(rates, others)
    voices = sum(count for point, count in _voices(seen).items() if point in others and _fits(rate, point))
    if voices >= _RATE_VOICES_MIN:
        yield from _bounded(rate, seen)


def _voices(seen: Counter[Point]) -> Counter[Point]:
    """One for each amount that has a fee, two where several lines of that amount agree on it."""
    lines = Counter[int]()
    for (amount_vnd, _), times in seen.items():
        lines[amount_vnd] += times
    return Counter(
        {
            point: 2 if times > 1 and times * 100 >= lines[point[0]] * EXPLAINED_PERCENT else 1
            for point, times in seen.items()
        }
    )


def _explained(rule: Tariff, seen: Counter[Point]) -> int:
    fee_of = rule.fee_vnd
    return sum(lines for (amount_vnd, fee_vnd), lines in seen.items() if fee_of(amount_vnd) == fee_vnd)


def _fits(rule: Tariff, point: Point) -> bool:
    return rule.fee_vnd(point[0]) == point[1]


def _parts(rule: Tariff) -> int:
    return sum((rule.rate_ppm != 0, rule.fixed_vnd != 0, rule.min_vnd != 0, rule.max_vnd != FEE_MAX_VND))


def _candidates(prefix: str, seen: Counter[Point]) -> Iterator[Tariff]:
    """Flat fees that are frequent, and lines through pairs of points far apart."""
    fees = Counter[int]()
    for (_, fee_vnd), lines in seen.items():
        fees[fee_vnd] += lines
    yield from (Tariff(prefix=prefix, fixed_vnd=fee_vnd) for fee_vnd, _ in fees.most_common(3))
    points, total = sorted(seen), seen.total()
    usual = (point for point in points if seen[point] * _USUAL >= total)
    chosen = sorted({*usual, *points[:: max(1, len(points) // _POINTS)]})
    lines_through = Counter[tuple[int, int]]()
    for low, high in combinations(chosen, 2):
        if low[0] < high[0]:
            lines_through[_slope(low, high)] += min(seen[low], seen[high])
    for (rate_ppm, fixed_vnd), _ in lines_through.most_common(12):
        for rounding in ROUND:
            yield Tariff(prefix=prefix, fixed_vnd=fixed_vnd, rate_ppm=rate_ppm, rounding=rounding)


def _slope(low: Point, high: Point) -> tuple[int, int]:
    """Rate in whole steps and the fixed part in tens of đồng."""
    rate_ppm = (high[1] - low[1]) * PPM // (high[0] - low[0])
    rate_ppm = (rate_ppm + _RATE_STEP // 2) // _RATE_STEP * _RATE_STEP
    fixed_vnd = (high[1] - high[0] * rate_ppm // PPM + 5) // 10 * 10
    return rate_ppm, fixed_vnd


def _bounded(rule: Tariff, seen: Counter[Point]) -> Iterator[Tariff]:
    """The rule, and the rule with the floor or ceiling that lines it does not explain have in common."""
    yield rule
    if not rule.rate_ppm:
        return
    off = Counter[tuple[bool, int]]()
    for (amount_vnd, fee_vnd), voices in _voices(seen).items():
        due_vnd = rule.fee_vnd(amount_vnd)
        if due_vnd != fee_vnd:
            off[due_vnd < fee_vnd, fee_vnd] += voices
    common = [bound for bound, voices in off.most_common(4) if voices >= _BOUND_VOICES_MIN]
    floors = [fee_vnd for low, fee_vnd in common if low] + [0]
    ceilings = [fee_vnd for low, fee_vnd in common if not low] + [FEE_MAX_VND]
    for min_vnd in floors:
        for max_vnd in ceilings:
            if min_vnd <= max_vnd:
                yield msgspec.structs.replace(rule, min_vnd=min_vnd, max_vnd=max_vnd)
