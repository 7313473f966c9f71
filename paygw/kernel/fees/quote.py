"""A quote: the frozen answer to what a procedure costs on a legal date, and everything needed to explain it.

These are msgspec Structs, not dataclasses: a frozen Struct costs a tenth to make, and quotes are made per request.
Explanation steps are worked out when they are read, from the trail recorded while the amount was computed.
"""

from collections.abc import Mapping
from datetime import date
from typing import Literal

import msgspec

from paygw.kernel.fees.facts import Env
from paygw.kernel.fees.model import ComponentType, Schedule, Split, Tariff
from paygw.kernel.fees.plan import ComponentPlan, ExemptionPlan
from paygw.kernel.fees.steps import Step, TrailEntry, found_by, steps_of
from paygw.kernel.split import split

Status = Literal["charged", "exempt"]
Outcome = Literal["charged", "free", "exempt", "not_applicable"]


class Share(msgspec.Struct, frozen=True):
    """A beneficiary's part of a component, whole đồng."""

    to: str
    amount_vnd: int


class QuotedComponent(msgspec.Struct, frozen=True):
    """One phí, lệ phí or án phí of a quote. `before_relief_vnd` is what it would cost without relief or exemption."""

    plan: ComponentPlan
    env: Env
    amount_vnd: int
    before_relief_vnd: int
    status: Status
    exemption: ExemptionPlan | None
    trail: tuple[TrailEntry, ...]

    @property
    def id(self) -> str:
        """Identifier inside the schedule."""
        return self.plan.rule.id

    @property
    def name(self) -> str:
        """Name in Vietnamese."""
        return self.plan.rule.name

    @property
    def type(self) -> ComponentType:
        """phi, le_phi or an_phi: they differ in retention, refund and reporting."""
        return self.plan.rule.type

    @property
    def ndkt(self) -> str | None:
        """Budget sub-item, four digits."""
        return self.plan.rule.ndkt

    @property
    def split(self) -> Split:
        """The revenue split as it was when this was quoted: its id and its ordered shares."""
        return self.plan.rule.split

    @property
    def shares(self) -> tuple[Share, ...]:
        """Every beneficiary's part in the order of the split; they add up to the amount."""
        rules = self.plan.rule.split.shares
        return tuple(map(Share, (rule.to for rule in rules), split(self.amount_vnd, rules)))

    @property
    def waived_vnd(self) -> int:
        """Revenue given up by relief or exemption."""
        return self.before_relief_vnd - self.amount_vnd

    @property
    def tokens(self) -> tuple[str, ...]:
        """Explanation tokens; an exempt component shows its exemption only."""
        if self.exemption is not None:
            return (self.exemption.token,)
        return tuple([entry[0].token for entry in self.trail])

    @property
    def steps(self) -> tuple[Step, ...]:
        """The explanation, step by step."""
        return steps_of(self.plan, found_by(self.plan, self.env), self.trail, self.exemption, self.amount_vnd)


class Quote(msgspec.Struct, frozen=True):
    """What is owed for one procedure. Never recomputed with a later date: store it with the payment."""

    tariff: Tariff
    rule: Schedule
    as_of: date
    province: str | None
    components: tuple[QuotedComponent, ...]
    total_vnd: int

    @property
    def procedure(self) -> str:
        """Procedure code."""
        return self.tariff.code

    @property
    def schedule(self) -> str:
        """Id of the schedule in force."""
        return self.rule.id

    @property
    def schedule_hash(self) -> str:
        """SHA-256 of the rules that were applied, splits and parameters included."""
        return self.rule.content_hash

    @property
    def shares(self) -> dict[str, int]:
        """Parts by beneficiary over all components, without zeros, in the order they first appear."""
        totals: dict[str, int] = {}
        for component in self.components:
            rules = component.plan.rule.split.shares
            for rule, part_vnd in zip(rules, split(component.amount_vnd, rules), strict=True):
                if part_vnd:
                    totals[rule.to] = totals.get(rule.to, 0) + part_vnd
        return totals

    @property
    def explain(self) -> tuple[str, ...]:
        """Explanation tokens of all components, in order."""
        tokens: list[str] = []
        for component in self.components:
            if component.exemption is not None:
                tokens.append(component.exemption.token)
            elif component.trail:
                tokens += [entry[0].token for entry in component.trail]
        return tuple(tokens)

    @property
    def outcome(self) -> Outcome:
        """charged; free (the tariff says 0); exempt (every component is); not_applicable (nothing to charge for)."""
        if self.total_vnd:
            return "charged"
        if not self.components:
            return "not_applicable"
        return "exempt" if all(component.status == "exempt" for component in self.components) else "free"


def document(quote: Quote) -> dict[str, object]:
    """The quote as plain JSON data, to be frozen into an order: everything but the facts, which are personal."""
    return {
        "procedure": quote.procedure,
        "schedule": quote.schedule,
        "schedule_hash": quote.schedule_hash,
        "as_of": quote.as_of.isoformat(),
        "province": quote.province,
        "outcome": quote.outcome,
        "components": [_component_document(component) for component in quote.components],
        "total_vnd": quote.total_vnd,
        "shares": quote.shares,
        "explain": list(quote.explain),
        "legal": list(quote.rule.legal),
    }


def _component_document(component: QuotedComponent) -> Mapping[str, object]:
    return {
        "id": component.id,
        "name": component.name,
        "type": component.type,
        "ndkt": component.ndkt,
        "split": {
            "id": component.split.id,
            "shares": [{"to": rule.to, "pct_millionths": rule.pct_millionths} for rule in component.split.shares],
        },
        "amount_vnd": component.amount_vnd,
        "before_relief_vnd": component.before_relief_vnd,
        "status": component.status,
        "shares": [{"to": share.to, "amount_vnd": share.amount_vnd} for share in component.shares],
    }
