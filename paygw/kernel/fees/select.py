"""Which schedule applies: national or provincial, on one legal date."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final

from paygw.kernel.fees.compile import names_of
from paygw.kernel.fees.dates import LAST_DAY, Window, day_after, day_before
from paygw.kernel.fees.errors import BadCatalogue, FeeError
from paygw.kernel.fees.model import Base, Cases, Component, Fact, Schedule
from paygw.kernel.fees.plan import SchedulePlan, component_plan

NATIONAL: Final = "VN"
PERIODS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Timeline:
    """The schedules of one jurisdiction cut into periods that never overlap, by first day."""

    firsts: tuple[date, ...]
    plans: tuple[SchedulePlan, ...]

    def on(self, day: date) -> SchedulePlan | None:
        """What is in force on a day."""
        index = bisect_right(self.firsts, day) - 1
        if index < 0:
            return None
        plan = self.plans[index]
        return plan if day <= plan.period.last else None


def choose(timelines: Mapping[str, Timeline], province: str | None, as_of: date) -> SchedulePlan:
    """The provincial schedule of the province if one is in force, else the national one.

    Raises FeeError `province_required` or `no_schedule_in_force`. Two schedules in force at once cannot come this far:
    the catalogue is refused as `ambiguous_schedule` when it is loaded.
    """
    if province is not None:
        timeline = timelines.get(province)
        plan = None if timeline is None else timeline.on(as_of)
        if plan is not None:
            return plan
    timeline = timelines.get(NATIONAL)
    plan = None if timeline is None else timeline.on(as_of)
    if plan is not None:
        return plan
    if province is None and any(timeline.on(as_of) for timeline in timelines.values()):
        raise FeeError("province_required", "Only provincial tariffs are in force: name the province.")
    raise FeeError("no_schedule_in_force", f"No tariff is in force on {as_of}.")


def timelines_of(schedules: Sequence[Schedule], facts: tuple[Fact, ...]) -> dict[str, Timeline]:
    """Compile every period of every schedule, by jurisdiction. Raises BadCatalogue."""
    found: dict[str, Timeline] = {}
    for jurisdiction in dict.fromkeys(schedule.jurisdiction for schedule in schedules):
        plans = [
            plan
            for schedule in schedules
            if schedule.jurisdiction == jurisdiction
            for plan in _period_plans(schedule, facts)
        ]
        plans.sort(key=lambda plan: plan.period)
        found[jurisdiction] = Timeline(tuple(plan.period.first for plan in plans), tuple(plans))
    return found


def _period_plans(schedule: Schedule, facts: tuple[Fact, ...]) -> Iterator[SchedulePlan]:
    for period in _periods(schedule):
        params: dict[str, Fraction] = {
            name: row.value for name, rows in schedule.params.items() for row in rows if row.window.covers(period)
        }
        names = names_of(facts, params)
        components = tuple(component_plan(one, names, period, schedule.labels) for one in schedule.components)
        yield SchedulePlan(schedule, period, components)


def _periods(schedule: Schedule) -> list[Window]:
    """The schedule's window, cut wherever a rule or a parameter begins or ends."""
    whole, firsts = schedule.window, {schedule.window.first}
    for window in _windows(schedule):
        firsts.add(window.first)
        if window.last != LAST_DAY:
            firsts.add(day_after(window.last))
    days = sorted(day for day in firsts if whole.first <= day <= whole.last)
    if len(days) > PERIODS_MAX:
        message = f"The dates inside one schedule cut it into more than {PERIODS_MAX} periods."
        raise BadCatalogue("bad_catalogue", at=schedule.place.at, path=schedule.place.path, message=message)
    lasts = [day_before(day) for day in days[1:]]
    return [Window(first, last) for first, last in zip(days, [*lasts, whole.last], strict=True)]


def _windows(schedule: Schedule) -> Iterator[Window]:
    for rows in schedule.params.values():
        yield from (row.window for row in rows)
    for component in schedule.components:
        yield from _component_windows(component)


def _component_windows(component: Component) -> Iterator[Window]:
    yield from (modifier.window for modifier in component.modifiers)
    yield from (exemption.window for exemption in component.exemptions)
    yield from _case_windows(component.base)


def _case_windows(base: Base) -> Iterator[Window]:
    if isinstance(base, Cases):
        for row in base.rows:
            yield row.window
            yield from _case_windows(row.base)
