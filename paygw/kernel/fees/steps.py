"""The steps from nothing to the amount of a component, rebuilt on demand from the trail left by `charge`."""

from datetime import date
from fractions import Fraction
from typing import Literal, TypeAlias

import msgspec

from paygw.kernel.fees.changes import Pair
from paygw.kernel.fees.dates import FIRST_DAY, LAST_DAY, Window
from paygw.kernel.fees.facts import Env
from paygw.kernel.fees.model import Modifier, Rounding
from paygw.kernel.fees.plan import BaseNote, ComponentPlan, ExemptionPlan, Mark

StepKind = Literal["base", "times", "cap", "floor", "modifier", "exemption", "rounding"]
TrailEntry: TypeAlias = tuple[Mark, Pair, Pair]
"""What happened, the amount before, the amount after."""


class Step(msgspec.Struct, frozen=True):
    """One step: the exact amount before and after in đồng, and what the step needs to be told.

    `id`, `legal`, `first` and `last` (open ends are None) name a modifier or an exemption; `base` says how the tariff
    amount was found; `times` is the factor of that step.
    """

    kind: StepKind
    before: Fraction
    after: Fraction
    id: str | None = None
    legal: str | None = None
    first: date | None = None
    last: date | None = None
    base: BaseNote | None = None
    times: Fraction | None = None
    rounding: Rounding | None = None
    modifier: Modifier | None = None


class Found(msgspec.Struct, frozen=True):
    """What the facts came to: the tariff amount, how it was found, the factor. It holds none of the facts."""

    base: Fraction
    note: BaseNote
    times: Fraction | None


def found_by(plan: ComponentPlan, env: Env) -> Found:
    """What the base and the factor of a component are for these facts."""
    times = None if plan.times is None else plan.times.value(env)
    return Found(plan.base.amount.value(env), plan.base.note(env), times)


def steps_of(
    plan: ComponentPlan,
    found: Found,
    trail: tuple[TrailEntry, ...],
    exemption: ExemptionPlan | None,
    amount_vnd: int,
) -> tuple[Step, ...]:
    """Every step of one component, in the order of evaluation."""
    steps = [Step("base", Fraction(0), found.base, base=found.note)]
    early = [entry for entry in trail if _limits_base(plan, entry[0])]
    steps += [_marked(entry) for entry in early]
    if found.times is not None:
        before = steps[-1].after
        steps.append(Step("times", before, before * found.times, times=found.times))
    steps += [_marked(entry) for entry in trail[len(early) :]]
    before = steps[-1].after
    if exemption is not None:
        rule = exemption.rule
        first, last = _open_ended(rule.window)
        steps.append(Step("exemption", before, Fraction(0), rule.id, rule.legal, first, last))
    elif before != amount_vnd:
        steps.append(Step("rounding", before, Fraction(amount_vnd), rounding=plan.rule.rounding))
    return tuple(steps)


def _limits_base(plan: ComponentPlan, mark: Mark) -> bool:
    return plan.base_limits is not None and mark in {plan.base_limits.cap, plan.base_limits.floor}


def _marked(entry: TrailEntry) -> Step:
    mark, before, after = entry
    if mark.modifier is None:
        return Step(mark.kind, Fraction(*before), Fraction(*after))
    rule = mark.modifier
    first, last = _open_ended(rule.window)
    return Step(mark.kind, Fraction(*before), Fraction(*after), rule.id, rule.legal, first, last, modifier=rule)


def _open_ended(window: Window) -> tuple[date | None, date | None]:
    return (
        None if window.first == FIRST_DAY else window.first,
        None if window.last == LAST_DAY else window.last,
    )
