"""A proposal laid over what is in force: sums, who pays more, who has no rule, who has two."""

import json
from collections.abc import Sequence

from paygw.kernel.fees.simulate import Dossier, Outcome, Proposal, Standing, propose
from paygw.kernel.fees.versions import Version, read_version, versions_of

CODE = "9.990001"


def _versions(*rows: tuple[int, str, str | None, str]) -> tuple[Version, ...]:
    schedules = [
        {
            "id": f"s{number}",
            "jurisdiction": where,
            "effective_from": first,
            "effective_to": last,
            "components": [{"id": "phi", "type": "phi", "base": {"fixed": price}}],
        }
        for number, (price, first, last, where) in enumerate(rows)
    ]
    procedure = {"code": CODE, "facts": {}, "schedules": schedules}
    return versions_of({"x.json": json.dumps({"schema": "paygw.fees/v1", "procedures": [procedure]})})


def _proposal(now: Sequence[Version], then: Sequence[Version]) -> Proposal:
    return propose([Standing(read_version(one.document), (one.window,)) for one in now], then)


def _run(proposal: Proposal, *days: str, province: str | None = None) -> Outcome:
    outcome = Outcome()
    for day in days:
        outcome.add(proposal, Dossier(procedure=CODE, province=province, as_of=day, facts={}, collector="so-tp"))
    return outcome


def test_revenue_is_added_up_by_collecting_body_and_component() -> None:
    now, then = _versions((1000, "2026-01-01", None, "VN")), _versions((1500, "2026-06-01", None, "VN"))

    outcome = _run(_proposal(now, then), "2026-05-31", "2026-06-01", "2026-06-02")

    line = outcome.lines[("so-tp", CODE, "phi")]
    assert (line.dossiers, line.now_vnd, line.then_vnd, line.change_vnd) == (3, 3000, 4000, 1000)
    assert (outcome.effects["same"], outcome.effects["more"], outcome.two_rules) == (1, 2, 2)


def test_gaps_are_counted_on_either_side() -> None:
    now = _versions((1000, "2026-01-01", "2026-03-31", "VN"))
    then = _versions((500, "2026-03-01", "2026-03-31", "VN"), (900, "2026-05-01", "2026-05-31", "VN"))

    outcome = _run(_proposal(now, then), "2026-03-01", "2026-04-01", "2026-05-01")

    assert outcome.effects == {
        "same": 0,
        "more": 0,
        "less": 1,
        "no_rule_now": 1,
        "no_rule_then": 0,
        "no_rule": 1,
    }


def test_rule_that_stays_is_left_at_both_ends_of_the_proposal() -> None:
    now, then = _versions((1000, "2026-01-01", None, "VN")), _versions((500, "2026-03-01", "2026-03-31", "VN"))

    outcome = _run(_proposal(now, then), "2026-02-28", "2026-03-01", "2026-03-31", "2026-04-01", "2030-01-01")

    assert (outcome.effects["same"], outcome.effects["less"]) == (3, 2)


def test_same_rules_proposed_again_are_no_second_rule() -> None:
    now = _versions((1000, "2026-01-01", None, "VN"))

    outcome = _run(_proposal(now, now), "2026-05-31")

    assert (outcome.two_rules, outcome.effects["same"]) == (0, 1)


def test_provincial_proposal_touches_its_province_only() -> None:
    proposal = _proposal(_versions((1000, "2026-01-01", None, "VN")), _versions((700, "2026-01-01", None, "79")))

    assert _run(proposal, "2026-05-31", province="79").effects["less"] == 1
    assert _run(proposal, "2026-05-31", province="48").effects["same"] == 1
    assert proposal.overlaps == {}
