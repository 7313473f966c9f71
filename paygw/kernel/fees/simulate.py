"""What if: the same dossiers priced by the tariffs in force and by a proposal, added up.

A proposed version counts on the days of its window instead of what stands there. Where the two charge by different
rules the dossier has two rules: publishing needs `supersede`. Dossiers come one by one and are not kept.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from paygw.kernel.fees.catalogue import Catalogue, Procedure, calculate
from paygw.kernel.fees.dates import LAST_DAY, Window, day_after, day_before
from paygw.kernel.fees.errors import FeeError
from paygw.kernel.fees.quote import Quote
from paygw.kernel.fees.versions import Version, compose, read_version

Effect = Literal["same", "more", "less", "no_rule_now", "no_rule_then", "no_rule"]
EFFECTS: Final[tuple[Effect, ...]] = ("same", "more", "less", "no_rule_now", "no_rule_then", "no_rule")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """A question that was, or might be, asked; `collector` is who collects."""

    procedure: object
    province: object
    as_of: object
    facts: object
    collector: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """A version and the windows in which it is in force."""

    procedure: Procedure
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """Both catalogues, and the days on which a proposed version meets another one, by procedure and jurisdiction."""

    now: Catalogue
    then: Catalogue
    overlaps: Mapping[tuple[str, str], tuple[Window, ...]]


@dataclass(slots=True)
class Line:
    """One component of one collecting body: dossiers, and revenue now and then, in đồng."""

    dossiers: int = 0
    now_vnd: int = 0
    then_vnd: int = 0

    @property
    def change_vnd(self) -> int:
        """What the proposal brings in more, or less where negative."""
        return self.then_vnd - self.now_vnd


@dataclass(slots=True)
class Outcome:
    """Sums over all dossiers; lines by collecting body, procedure and component."""

    dossiers: int = 0
    two_rules: int = 0
    effects: dict[Effect, int] = field(default_factory=lambda: dict.fromkeys(EFFECTS, 0))
    lines: dict[tuple[str, str, str], Line] = field(default_factory=dict)

    def add(self, proposal: Proposal, dossier: Dossier) -> None:
        """Price one dossier both ways."""
        now, then = _priced(proposal.now, dossier), _priced(proposal.then, dossier)
        self.dossiers += 1
        self.effects[_effect(now, then)] += 1
        self.two_rules += any(_meets(proposal, quote) for quote in (now, then) if quote)
        for quote, name in ((now, "now_vnd"), (then, "then_vnd")):
            for component in quote.components if quote else ():
                line = self._line(dossier, quote, component.id)
                setattr(line, name, getattr(line, name) + component.amount_vnd)
        named = {(quote.procedure, one.id) for quote in (now, then) if quote for one in quote.components}
        for procedure, component_id in named:
            self.lines[(_collector(dossier, now or then), procedure, component_id)].dossiers += 1

    def _line(self, dossier: Dossier, quote: Quote | None, component: str) -> Line:
        procedure = quote.procedure if quote else ""
        return self.lines.setdefault((_collector(dossier, quote), procedure, component), Line())


def propose(standing: Iterable[Standing], versions: Iterable[Version]) -> Proposal:
    """Lay proposed versions over what is in force. Raises BadCatalogue."""
    before = list(standing)
    fresh = [(version, read_version(version.document)) for version in versions]
    after, overlaps = [], dict[tuple[str, str], tuple[Window, ...]]()
    for one in before:
        schedule = one.procedure.tariff.schedules[0]
        windows = list(one.windows)
        for version, _ in fresh:
            if (version.procedure, version.jurisdiction) != (one.procedure.code, schedule.jurisdiction):
                continue
            if version.schedule_hash != schedule.content_hash:
                met = tuple(_shared(window, version.window) for window in windows if window.overlaps(version.window))
                key = (version.procedure, version.jurisdiction)
                overlaps[key] = overlaps.get(key, ()) + met
            windows = [part for window in windows for part in _without(window, version.window)]
        if windows:
            after.append((one.procedure, windows))
    after += [(procedure, [version.window]) for version, procedure in fresh]
    return Proposal(compose((one.procedure, one.windows) for one in before), compose(after), overlaps)


def _priced(catalogue: Catalogue, dossier: Dossier) -> Quote | None:
    try:
        return calculate(
            catalogue,
            procedure=dossier.procedure,
            province=dossier.province,
            as_of=dossier.as_of,
            facts=dossier.facts,
        )
    except FeeError:
        return None


def _effect(now: Quote | None, then: Quote | None) -> Effect:
    if now is None or then is None:
        return "no_rule" if now is then else "no_rule_now" if now is None else "no_rule_then"
    if now.total_vnd == then.total_vnd:
        return "same"
    return "more" if then.total_vnd > now.total_vnd else "less"


def _collector(dossier: Dossier, quote: Quote | None) -> str:
    if dossier.collector or quote is None or quote.tariff.agency is None:
        return dossier.collector
    return quote.tariff.agency.id


def _meets(proposal: Proposal, quote: Quote) -> bool:
    windows = proposal.overlaps.get((quote.procedure, quote.rule.jurisdiction), ())
    return any(window.first <= quote.as_of <= window.last for window in windows)


def _shared(one: Window, other: Window) -> Window:
    return Window(max(one.first, other.first), min(one.last, other.last))


def _without(window: Window, hole: Window) -> list[Window]:
    if not window.overlaps(hole):
        return [window]
    parts = [Window(window.first, day_before(hole.first))] if window.first < hole.first else []
    if hole.last < window.last and hole.last != LAST_DAY:
        parts.append(Window(day_after(hole.last), window.last))
    return parts
