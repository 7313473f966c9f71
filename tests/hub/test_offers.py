"""Which banks are offered to whom, for which sums and when; how sick ones are shown."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from paygw.hub.bank_health import share_health
from paygw.hub.checkout import Choice, choices
from paygw.hub.hub import Hub
from paygw.hub.offers import Place, hindrance_of, require_offered, span_vnd
from paygw.hub.registry import Bank, Term, Window
from paygw.kernel.errors import Refused
from paygw.kernel.pulse import Pulse, Tally
from tests.hub_fixtures import ScriptedBank, sandbox_bank

pytestmark = pytest.mark.db

HERE = Place("hanoi", frozenset({"G22.99"}))


def bank(*terms: Term, windows: tuple[Window, ...] = ()) -> Bank:
    """A bank with these terms."""
    return replace(sandbox_bank("sandbox-a"), terms=terms, windows=windows)


@pytest.mark.parametrize(
    ("terms", "offered"),
    [
        ((), True),
        ((Term(offered=False),), False),
        ((Term(offered=False), Term(portal="hanoi")), True),
        ((Term(offered=False), Term(portal="danang")), False),
        ((Term(portal="hanoi"), Term(body="G22.99", offered=False)), False),
        ((Term(body="G22.99", offered=False), Term(portal="hanoi", body="G22.99")), True),
    ],
)
async def test_the_most_specific_term_says_whether_a_bank_is_offered(
    hub: Hub, terms: tuple[Term, ...], *, offered: bool
) -> None:
    assert (hindrance_of(hub, bank(*terms), HERE, 150_000) == "") is offered


async def test_an_order_for_two_bodies_is_offered_what_both_allow(hub: Hub) -> None:
    cart = Place("hanoi", frozenset({"G22.99", "G22.01"}))

    assert hindrance_of(hub, bank(Term(body="G22.01", offered=False)), cart, 150_000) == "not_offered"


def test_every_limit_that_applies_counts() -> None:
    limited = bank(
        Term(min_vnd=1_000, max_vnd=900_000), Term(body="G22.99", max_vnd=500_000), Term(portal="x", max_vnd=1)
    )

    assert span_vnd(limited, HERE) == (1_000, 500_000)


@pytest.mark.parametrize(
    ("amount_vnd", "code"), [(999, "bank_limit"), (500_001, "bank_limit"), (1_000, ""), (500_000, "")]
)
async def test_a_sum_outside_the_limits_is_refused(hub: Hub, amount_vnd: int, code: str) -> None:
    limited, told = bank(Term(min_vnd=1_000, max_vnd=500_000)), ""

    try:
        require_offered(hub, limited, HERE, amount_vnd)
    except Refused as refused:
        told = refused.code

    assert told == code


async def test_maintenance_closes_a_bank_while_it_lasts(hub: Hub) -> None:
    now = hub.clock()
    resting = bank(windows=(Window(starts_at=now, ends_at=now + timedelta(hours=2), note_vi="Nâng cấp"),))
    hub.registry_holder.now = replace(
        hub.registry, banks={"sandbox-a": resting, "sandbox-b": sandbox_bank("sandbox-b")}
    )

    found = choices(hub, 150_000, HERE)

    assert [item.bank.id for item in found if item.is_open] == ["sandbox-b"] * 3
    assert {item.hindrance for item in found if item.bank.id == "sandbox-a"} == {"maintenance"}
    with pytest.raises(Refused) as refused:
        require_offered(hub, resting, HERE, 150_000)
    assert refused.value.code == "bank_maintenance"


def test_maintenance_is_told_in_vietnams_time() -> None:
    at = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)
    window = Window(starts_at=at, ends_at=at + timedelta(hours=7), note_vi="Nâng cấp", note_en="Upgrade")
    choice = Choice(bank=bank(windows=(window,)), method="card", hindrance="maintenance", window=window)

    assert (choice.until, choice.note("vi"), choice.note("en")) == ("05:00 01/12/2026", "Nâng cấp", "Upgrade")


@pytest.mark.parametrize(
    ("pulse", "hindrance"),
    [
        (Pulse(9, 1, is_open=False), ""),
        (Pulse(1, 9, is_open=False), "unwell"),
        (Pulse(0, 4, is_open=False), ""),
        (Pulse(99, 1, is_open=True), "circuit"),
    ],
)
async def test_a_bank_others_find_sick_comes_last_and_stays_open(hub: Hub, pulse: Pulse, hindrance: str) -> None:
    seen: Mapping[tuple[str, str], Pulse] = {("sandbox-a", "open_session"): pulse}
    hub.health_holder.now = seen
    hub.registry_holder.now = replace(hub.registry, banks={n: sandbox_bank(n) for n in ("sandbox-a", "sandbox-b")})

    found = choices(hub, 150_000, HERE)

    assert {item.hindrance for item in found if item.bank.id == "sandbox-a"} == {hindrance}
    assert all(item.is_open for item in found)
    assert found[-1].bank.id == ("sandbox-b" if hindrance == "" else "sandbox-a")


class Counting(ScriptedBank):
    """A way to the banks that has seen something."""

    def take_tallies(self) -> list[Tally]:
        return [
            Tally(bank="sandbox-a", operation="query", good=3, bad=1, rest_ms=20_000),
            Tally(bank="sandbox-b", operation="query", good=2),
        ]


async def test_what_one_process_saw_every_process_knows(hub: Hub) -> None:
    await share_health(replace(hub, talk=Counting()))

    await share_health(hub)

    assert hub.health_holder.now["sandbox-a", "query"].success_pct == 75
    assert hub.health_holder.now["sandbox-b", "query"] == Pulse(2, 0, is_open=False)


async def test_a_circuit_that_closed_is_told_at_the_next_word(hub: Hub) -> None:
    await share_health(replace(hub, talk=Counting()))
    opened = dict(hub.health_holder.now)

    await share_health(hub)

    assert (opened["sandbox-a", "query"].is_open, hub.health_holder.now["sandbox-a", "query"].is_open) == (True, False)
