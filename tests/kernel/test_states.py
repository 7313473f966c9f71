"""Section 1: the states of orders and attempts and the edges between them."""

from dataclasses import replace
from itertools import pairwise, permutations

import pytest

from paygw.kernel.connector import Verdict
from paygw.kernel.decide import see_attempt, see_total
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, Authority, TotalAsserted
from paygw.kernel.orders import (
    CLOSED_ATTEMPT,
    OrderStatus,
    Situation,
    close_order,
    contact_failed,
    raised,
    require_payable,
    rest_to_pay_vnd,
    start_attempt,
)
from tests.kernel.cash import NOW, QR, attempt, line, obligation, paid, pay, scene, situation

OPEN_ATTEMPT = (AttemptStatus.CREATED, AttemptStatus.REDIRECTED, AttemptStatus.PENDING)
ORDER_OF_EVIDENCE = (
    "created",
    "redirected",
    "pending",
    "expired",
    "cancelled",
    "failed",
    "succeeded",
)


def seen(status: AttemptStatus) -> AttemptSeen:
    return AttemptSeen(attempt_ref="ref-a1", status=status, occurred_at=NOW)


def fresh(*, status: OrderStatus = OrderStatus.OPEN) -> Situation:
    """An order nobody has tried to pay yet."""
    return replace(situation(status=status), attempts=())


@pytest.mark.parametrize("order", list(permutations(("pending", "expired", "failed"))))
def test_the_state_of_an_attempt_is_the_maximum_of_its_evidence(order: tuple[str, ...]) -> None:
    here = attempt(status=AttemptStatus.CREATED)

    for status in (*order, order[0]):
        here = raised(here, AttemptStatus(status))

    assert here.status is AttemptStatus.FAILED


def test_evidence_is_ranked_as_the_rules_list_it() -> None:
    for lower, higher in pairwise(ORDER_OF_EVIDENCE):
        assert raised(attempt(status=AttemptStatus(lower)), AttemptStatus(higher)).status == higher
        assert raised(attempt(status=AttemptStatus(higher)), AttemptStatus(lower)).status == higher


@pytest.mark.parametrize("status", OPEN_ATTEMPT)
def test_silence_is_a_flag_on_top_of_the_known_state_until_the_bank_answers(status: AttemptStatus) -> None:
    silent = contact_failed(attempt(status=status))

    assert (silent.status, silent.last_contact_failed) == (status, True)
    assert raised(silent, AttemptStatus.CREATED) == attempt(status=status)


@pytest.mark.parametrize("status", [*sorted(CLOSED_ATTEMPT), AttemptStatus.SUCCEEDED])
def test_silence_about_a_closed_attempt_reopens_nothing(status: AttemptStatus) -> None:
    assert contact_failed(attempt(status=status)) == attempt(status=status)
    assert not attempt(status=status).in_flight


def test_an_attempt_takes_hold_of_what_is_unpaid() -> None:
    cart = replace(
        situation(replace(obligation(line(1, 600, "o1")), order_id="other"), obligation(line(2, 400, "o2"))),
        attempts=(),
    )

    started = start_attempt(cart, attempt())

    assert [owed.attempt_id for owed in started.obligations] == [None, "a1"]
    assert started.attempts == (attempt(),)


@pytest.mark.parametrize("status", sorted(CLOSED_ATTEMPT))
def test_a_closed_attempt_lets_go_of_its_obligations(status: AttemptStatus) -> None:
    started = start_attempt(fresh(), attempt())

    decided = see_attempt(started, started.attempts[0], seen(status), scene())

    assert decided.situation.obligations[0].attempt_id is None
    require_payable(decided.situation)


@pytest.mark.parametrize("status", OPEN_ATTEMPT)
def test_an_attempt_in_flight_keeps_its_obligations(status: AttemptStatus) -> None:
    started = start_attempt(fresh(), attempt(status=AttemptStatus.CREATED))

    decided = see_attempt(started, started.attempts[0], seen(status), scene())

    assert decided.situation.obligations[0].attempt_id == "a1"
    assert decided.verdict is (Verdict.DUPLICATE if status is AttemptStatus.CREATED else Verdict.ACCEPTED)


def test_an_attempt_that_brought_money_lets_go_of_its_obligations() -> None:
    started = start_attempt(fresh(), attempt(bank=QR))

    decided = pay(started, 400, home="account")

    assert decided.situation.obligations[0].attempt_id is None
    require_payable(decided.situation)


def test_news_of_an_attempt_that_succeeded_is_no_news() -> None:
    world = paid()

    decided = see_attempt(world, world.attempts[0], seen(AttemptStatus.FAILED), scene())

    assert decided.verdict is Verdict.DUPLICATE
    assert decided.situation == world


def test_a_word_about_an_attempt_below_authority_is_ignored() -> None:
    world = situation()

    decided = see_attempt(world, world.attempts[0], seen(AttemptStatus.FAILED), scene(authority=Authority.BEARER))

    assert decided.verdict is Verdict.IGNORED
    assert decided.situation == world


@pytest.mark.parametrize("status", OPEN_ATTEMPT)
def test_m_18_there_is_no_second_way_to_pay_while_one_is_in_flight(status: AttemptStatus) -> None:
    world = start_attempt(fresh(), attempt(status=status))

    with pytest.raises(Refused, match="attempt_in_flight"):
        start_attempt(world, attempt("a2"))


def test_m_18_a_redirected_attempt_may_be_given_up_for_another_way() -> None:
    world = start_attempt(fresh(), attempt())

    other = start_attempt(world, attempt("a2"), set_aside=frozenset({"a1"}))

    assert other.obligations[0].attempt_id == "a2"
    closed = see_attempt(other, other.attempts[0], seen(AttemptStatus.EXPIRED), scene()).situation
    assert closed.obligations[0].attempt_id == "a2"


@pytest.mark.parametrize("doubt", ["pending", "created", "silent", "other"])
def test_m_18_no_other_attempt_is_given_up(doubt: str) -> None:
    status = AttemptStatus.REDIRECTED if doubt in {"silent", "other"} else AttemptStatus(doubt)
    first = attempt(status=status)
    world = start_attempt(fresh(), contact_failed(first) if doubt == "silent" else first)

    with pytest.raises(Refused, match="attempt_in_flight"):
        start_attempt(world, attempt("a2"), set_aside=frozenset({"a9" if doubt == "other" else "a1"}))


def test_an_obligation_that_another_order_is_paying_cannot_be_paid_twice() -> None:
    world = fresh()
    busy = replace(world, obligations=(replace(world.obligations[0], attempt_id="other"),))

    with pytest.raises(Refused, match="obligation_in_payment"):
        require_payable(busy)


def test_an_obligation_paid_elsewhere_does_not_hold_up_the_rest_of_a_cart() -> None:
    elsewhere = replace(obligation(line(1, 600, "o1")), order_id="other", attempt_id="other")

    require_payable(replace(situation(elsewhere, obligation(line(2, 400, "o2"))), attempts=()))


def test_an_order_paid_elsewhere_altogether_takes_no_attempt() -> None:
    world = fresh()

    with pytest.raises(Refused, match="obligation_already_paid"):
        require_payable(replace(world, obligations=(replace(world.obligations[0], order_id="other"),)))


@pytest.mark.parametrize("status", [OrderStatus.PAID, OrderStatus.CANCELLED, OrderStatus.EXPIRED])
def test_m_12_an_order_that_ended_is_never_payable_nor_closed_again(status: OrderStatus) -> None:
    world = fresh(status=status)

    with pytest.raises(Refused, match="order_not_payable"):
        require_payable(world)
    with pytest.raises(Refused, match="order_closed"):
        close_order(world, OrderStatus.EXPIRED)


def test_what_is_no_order_is_neither_payable_nor_closed() -> None:
    with pytest.raises(Refused, match="missing"):
        require_payable(Situation(order=None))
    with pytest.raises(Refused, match="missing"):
        close_order(Situation(order=None), OrderStatus.EXPIRED)


@pytest.mark.parametrize("status", [OrderStatus.OPEN, OrderStatus.PARTIALLY_PAID])
@pytest.mark.parametrize("end", [OrderStatus.CANCELLED, OrderStatus.EXPIRED])
def test_a_live_order_closes_when_nothing_is_in_flight(status: OrderStatus, end: OrderStatus) -> None:
    world = situation(status=status, attempts=[attempt(status=AttemptStatus.FAILED)])

    closed = close_order(world, end)

    assert closed.order is not None
    assert (closed.order.status, closed.order.version) == (end, 2)


def test_a_live_order_does_not_close_under_an_attempt_in_flight() -> None:
    with pytest.raises(Refused, match="attempt_in_flight"):
        close_order(situation(), OrderStatus.CANCELLED)


def test_one_attempt_in_flight_of_several_keeps_an_order_open() -> None:
    world = situation(attempts=[attempt("a1"), attempt("a2", status=AttemptStatus.FAILED)])

    with pytest.raises(Refused, match="attempt_in_flight"):
        close_order(world, OrderStatus.CANCELLED)


def test_the_rest_to_pay_is_what_is_unpaid_less_what_waits() -> None:
    world = situation(attempts=[attempt(bank=QR)])
    short = pay(world, 400, home="account").situation

    assert rest_to_pay_vnd(world) == 1000
    assert rest_to_pay_vnd(short) == 600
    assert rest_to_pay_vnd(paid()) == 0
    assert rest_to_pay_vnd(replace(short, obligations=(replace(short.obligations[0], amount_vnd=300),))) == 0


@pytest.mark.parametrize(("total_vnd", "claims"), [(399, 0), (400, 0), (401, 1)])
def test_a_cumulative_figure_is_compared_never_booked(total_vnd: int, claims: int) -> None:
    world = pay(situation(attempts=[attempt(bank=QR), attempt("a2", bank=QR)]), 400, home="account").situation
    other = pay(world, 100, attempt_id="a2", receipt_id="r2", home="account").situation
    asserted = TotalAsserted(attempt_ref="ref-a1", total_vnd=total_vnd, occurred_at=NOW)

    decided = see_total(other, other.attempts[0], asserted)

    assert decided.situation == other
    assert decided.postings == ()
    assert [note.kind for note in decided.cases] == ["assertion"] * claims
    assert decided.verdict is (Verdict.ACCEPTED if claims else Verdict.DUPLICATE)
