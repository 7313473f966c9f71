"""From a compiled component and checked facts to an amount.

The order is fixed: when, base, base limits, times, modifiers, exemptions, limits, rounding. Arithmetic is exact until
the rounding.
"""

from paygw.kernel.fees.changes import Pair
from paygw.kernel.fees.facts import Env
from paygw.kernel.fees.model import Rounding
from paygw.kernel.fees.plan import ComponentPlan, LimitsPlan, Option
from paygw.kernel.fees.quote import QuotedComponent
from paygw.kernel.fees.steps import TrailEntry


def charge(plan: ComponentPlan, env: Env) -> QuotedComponent | None:
    """The component as charged or exempt; None if it does not apply. Raises FeeError `no_case_matches`."""
    if plan.when is not None and not plan.when(env):
        return None
    trail: list[TrailEntry] = []
    amount = gross = _base(plan, env, trail)
    for options in plan.options:
        amount, gross = _modify(options, env, amount, gross, trail)
    for exemption in plan.exemptions:
        if exemption.when(env):
            waived_vnd = _finish(plan, env, gross, None)
            return QuotedComponent(plan, env, 0, waived_vnd, "exempt", exemption, tuple(trail))
    amount_vnd = before_vnd = _finish(plan, env, amount, trail)
    if gross is not amount:
        before_vnd = _finish(plan, env, gross, None)
    return QuotedComponent(plan, env, amount_vnd, before_vnd, "charged", None, tuple(trail))


def _base(plan: ComponentPlan, env: Env, trail: list[TrailEntry]) -> Pair:
    """The tariff amount: base, its own limits, times."""
    term = plan.base.amount
    value = term.top(env)
    amount = (value.numerator, value.denominator * term.below)
    if plan.direct:
        return amount if value >= 0 else (0, 1)
    if plan.base_limits is not None:
        amount = _limit(plan.base_limits, env, amount, trail)
    if plan.times_pair is not None:
        times, unit = plan.times_pair(env)
        amount = (amount[0] * times, amount[1] * unit)
    return _not_negative(amount)


def _not_negative(amount: Pair) -> Pair:
    """No step of a tariff makes the state owe the payer."""
    return amount if amount[0] >= 0 else (0, 1)


def _modify(
    options: tuple[Option, ...], env: Env, amount: Pair, gross: Pair, trail: list[TrailEntry]
) -> tuple[Pair, Pair]:
    """Apply the option that gives least. `gross` follows surcharges but no relief, so that waived revenue shows."""
    top, below = amount
    best: Pair | None = None
    chosen = options[0]
    for option in options:
        if option.when is None or option.when(env):
            found = _not_negative(option.change(env, top, below))
            if best is None or found[0] * best[1] < best[0] * found[1]:
                best, chosen = found, option
    if best is None:
        return amount, gross
    trail.append((chosen.mark, amount, best))
    if best[0] * below > top * best[1]:
        raised = chosen.change(env, *gross)
        gross = raised if raised[0] * best[1] > best[0] * raised[1] else best
    return best, gross


def _finish(plan: ComponentPlan, env: Env, amount: Pair, trail: list[TrailEntry] | None) -> int:
    """Limits and rounding: whole đồng."""
    if plan.limits is not None:
        amount = _limit(plan.limits, env, amount, trail)
    top, below = amount
    rounding = plan.rule.rounding
    return top if below == 1 and rounding.to == 1 else rounded(top, below, rounding)


def rounded(top: int, below: int, rounding: Rounding) -> int:
    """The multiple of `rounding.to` for `top / below`."""
    unit = below * rounding.to
    steps = (2 * top + unit) // (2 * unit) if rounding.mode == "half_up" else top // unit
    return steps * rounding.to


def _limit(plan: LimitsPlan, env: Env, amount: Pair, trail: list[TrailEntry] | None) -> Pair:
    """Cap, then floor. Nothing lifts an amount that is already 0."""
    if plan.when is not None and not plan.when(env):
        return amount
    for bound, mark in ((plan.maximum, plan.cap), (plan.minimum, plan.floor)):
        if bound is None or not amount[0]:
            continue
        limit = bound(env)
        excess = amount[0] * limit[1] - limit[0] * amount[1]
        if excess > 0 if mark is plan.cap else excess < 0:
            if trail is not None:
                trail.append((mark, amount, limit))
            amount = limit
    return amount
