"""Section 3: which observations of an account are one credit, told one by one."""

from datetime import date

import pytest

from paygw.kernel.identity import Account, Observation, StatementLine, Step, observe, overdue, read_statement

DAY = date(2026, 3, 4)
EMPTY = Account(id="9704")


def seen(
    observer: str, reference: str | None, *, day: int = 4, code: str | None = None, amount_vnd: int = 100
) -> Observation:
    return Observation(
        id=f"{observer}-{reference}-{day}",
        observer=observer,
        reference=reference,
        amount_vnd=amount_vnd,
        day=DAY.replace(day=day),
        order_code=code,
    )


def line(no: int, reference: str | None = None, *, code: str | None = None, amount_vnd: int = 100) -> StatementLine:
    return StatementLine(id=f"line-{no}", reference=reference, amount_vnd=amount_vnd, order_code=code)


def after(*observations: Observation) -> Account:
    account = EMPTY
    for item in observations:
        account = observe(account, item).account
    return account


def keys(step: Step) -> list[str]:
    return [credit.key for credit in step.account.credits]


def test_the_first_observation_with_a_reference_books_the_credit() -> None:
    step = observe(EMPTY, seen("notice", "FT1", code="X1"))

    assert step.outcome == "booked"
    assert [(credit.key, credit.order_code) for credit in step.booked] == [("9704|FT1", "X1")]


def test_the_same_message_told_again_is_known() -> None:
    once = after(seen("notice", "FT1"))

    assert observe(once, seen("notice", "FT1")) == Step(account=once, outcome="known")


def test_another_observer_with_the_same_reference_is_the_same_credit_and_may_name_its_order() -> None:
    step = observe(after(seen("notice", "FT1")), seen("portal", "FT1", code="X1"))

    assert step.outcome == "same"
    assert step.booked == ()
    assert [(credit.key, credit.order_code) for credit in step.named] == [("9704|FT1", "X1")]


def test_the_same_reference_with_another_amount_is_a_conflict() -> None:
    once = after(seen("notice", "FT1"))

    assert observe(once, seen("portal", "FT1", amount_vnd=99)) == Step(
        account=once, outcome="conflict", conflicts=("9704|FT1",)
    )


@pytest.mark.parametrize("day", [2, 3, 4, 5, 6])
def test_an_equal_credit_near_in_time_under_another_reference_is_suspected_and_waits(day: int) -> None:
    step = observe(after(seen("notice", "FT1")), seen("portal", "P9", day=day))

    assert (step.outcome, step.booked) == ("waits", ())


@pytest.mark.parametrize(
    "other", ["same observer", "other order", "other amount", "three days on", "three days before"]
)
def test_what_is_clearly_another_transfer_is_booked(other: str) -> None:
    once = after(seen("notice", "FT1", code="X1"))
    second = {
        "same observer": seen("notice", "FT2"),
        "other order": seen("portal", "P9", code="X2"),
        "other amount": seen("portal", "P9", amount_vnd=101),
        "three days on": seen("portal", "P9", day=7),
        "three days before": seen("portal", "P9", day=1),
    }[other]

    assert observe(once, second).outcome == "booked"


def test_an_observation_without_a_reference_waits_once() -> None:
    step = observe(EMPTY, seen("notice", None))

    assert (step.outcome, step.booked) == ("waits", ())
    assert observe(step.account, seen("notice", None)) == Step(account=step.account, outcome="known")


def test_after_the_statement_nothing_but_a_statement_books() -> None:
    read = read_statement(EMPTY, DAY, [line(1, "FT1")])

    for day in (2, 3, 4):
        assert observe(read.account, seen("portal", "P9", day=day)).booked == ()
    assert observe(read.account, seen("portal", "P9", day=5, amount_vnd=101)).outcome == "booked"


def test_the_statement_matches_references_before_amounts() -> None:
    account = after(seen("notice", "FT1"), seen("notice", "FT2"))

    step = read_statement(account, DAY, [line(1), line(2, "FT1")])

    claims = {credit.key: credit.claim.line.id for credit in step.account.credits if credit.claim}
    assert claims == {"9704|FT1": "line-2", "9704|FT2": "line-1"}
    assert step.booked == ()


def test_an_unmatched_line_adopts_the_equal_credit_of_its_own_order() -> None:
    account = after(seen("notice", "FT1", code="X1"), seen("notice", "FT2", code="X2"))

    step = read_statement(account, DAY, [line(1, code="X2")])

    assert [credit.key for credit in step.account.credits if credit.claim] == ["9704|FT2"]


@pytest.mark.parametrize(("day", "adopted"), [(1, False), (2, True), (4, True), (5, False)])
def test_a_line_adopts_nothing_dated_after_it_or_long_before(day: int, *, adopted: bool) -> None:
    step = read_statement(after(seen("notice", "FT1", day=day)), DAY, [line(1)])

    assert [credit.key for credit in step.booked] == ([] if adopted else ["9704|line:line-1"])


def test_a_line_nobody_told_of_is_a_new_credit() -> None:
    step = read_statement(EMPTY, DAY, [line(1, "FT1", code="X1"), line(2)])

    assert [(c.key, c.order_code) for c in step.booked] == [("9704|FT1", "X1"), ("9704|line:line-2", None)]


def test_a_line_names_the_order_of_what_it_adopts() -> None:
    step = read_statement(after(seen("notice", "FT1")), DAY, [line(1, code="X1")])

    assert [(credit.key, credit.order_code) for credit in step.named] == [("9704|FT1", "X1")]


def test_a_claim_by_amount_gives_way_when_the_true_line_comes() -> None:
    account = after(seen("notice", "FT1"), seen("notice", "FT2"))
    guessed = read_statement(account, DAY, [line(1)]).account  # by amount: the first, FT1

    step = read_statement(guessed, DAY.replace(day=5), [line(2, "FT1")])

    claims = {credit.key: credit.claim.line.id for credit in step.account.credits if credit.claim}
    assert claims == {"9704|FT1": "line-2", "9704|FT2": "line-1"}
    assert step.booked == ()


def test_a_reference_under_another_amount_in_the_statement_is_a_conflict_and_the_statement_books_its_own() -> None:
    step = read_statement(after(seen("notice", "FT1")), DAY, [line(1, "FT1", amount_vnd=99)])

    assert step.conflicts == ("9704|FT1",)
    assert [(credit.key, credit.amount_vnd) for credit in step.booked] == [("9704|line:line-1", 99)]


def test_what_waited_joins_the_statements_credits_its_own_order_first() -> None:
    account = after(seen("portal", None, code="X2"))

    step = read_statement(account, DAY, [line(1, code="X1"), line(2, code="X2")])

    told = {credit.claim.line.id: sorted(credit.aliases) for credit in step.account.credits if credit.claim}
    assert told == {"line-1": [], "line-2": [("portal", "portal-None-4")]}
    assert step.account.waiting == ()


def test_two_waiting_messages_of_one_observer_join_two_credits() -> None:
    account = after(seen("portal", "P1"), seen("notice", None), seen("notice", None, day=3))

    step = read_statement(account, DAY, [line(1), line(2)])

    assert [len(credit.aliases) for credit in step.account.credits] == [2, 1]
    assert step.account.waiting == ()


def test_a_message_no_statement_confirms_waits_and_is_overdue_when_every_day_was_read() -> None:
    account = after(seen("portal", None))
    for day in (4, 5):
        account = read_statement(account, DAY.replace(day=day), []).account
        assert overdue(account) == ()

    account = read_statement(account, DAY.replace(day=6), []).account

    assert overdue(account) == account.waiting == (seen("portal", None),)


def test_a_statement_read_again_changes_nothing() -> None:
    once = read_statement(after(seen("notice", "FT1")), DAY, [line(1), line(2)])

    again = read_statement(once.account, DAY, [line(1), line(2)])

    assert again == Step(account=once.account, outcome="known")
    assert keys(again) == ["9704|FT1", "9704|line:line-2"]
