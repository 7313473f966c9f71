"""`paygw disburse` and `paygw refund` from a shell: what they ask for, and the one line they refuse with."""

import pytest

from tests.cli.conftest import Paygw

pytestmark = pytest.mark.db

NOBODY = "rfd_" + "0" * 32
TO = "--name AN --account 0071001234567 --bank-code BFTVVNVX --claim 7"
ACCOUNT = "--name KB --account 71110012 --bank-code 01701001"
UNIT = "--treasury-unit 0012 --collecting-office 1054015"
BANK = f"bank add --id sandbox-a --connector sandbox --base-url http://127.0.0.1:9/a --secret {'x' * 32}"
NO_BATCH = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def staffed(paygw: Paygw) -> Paygw:
    """A hub in custody with a clerk."""
    assert paygw("person add --id an --name An --role clerk --json").code == 0
    assert paygw("person add --id tra --name Tra --role auditor --json").code == 0
    return lambda words: paygw(words, PAYGW_FUNDS="custody", PAYGW_OPERATOR_BANK="BFTVVNVX")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (f"refund transfer {NOBODY} {TO} --by an", "not_found"),
        (f"refund transfer {NOBODY} {TO} --by nobody", "role_missing"),
        (f"refund transfer {NOBODY} {TO.replace('0071001234567', '0071-00')} --by an", "invalid_value"),
        (
            "disburse payee --beneficiary treasury --name KB --account 7 --bank-code 1 --document CV --by an",
            "invalid_value",
        ),
        (f"disburse payee --beneficiary treasury {ACCOUNT} --document CV --by an", "invalid_value"),
        (f"disburse payee --beneficiary treasury {ACCOUNT} --treasury-unit 12 --document CV --by an", "four digits"),
        (f"disburse payee --beneficiary a@G22.99 {ACCOUNT} --every week --remit-by 9 --document CV --by an", "1 to 5"),
        (f"disburse payee --beneficiary a@G22.99 {ACCOUNT} --document CV --by tra", "role_missing"),
        (f"disburse again {NO_BATCH} --group 1 --by an", "not_found"),
        ("disburse again mine --group 1 --by an", "not_found"),
        (f"disburse export {NO_BATCH} --by an --out x.xml", "payout_state"),
        (f"disburse export {NO_BATCH} --by an --out x.pdf --form c1-02ns", "not_found"),
        ("disburse propose --account 9704 --by an", "nothing_selected"),
    ],
)
def test_what_cannot_leave_is_one_line(staffed: Paygw, words: str, code: str) -> None:
    assert code in staffed(words).refusal


def test_a_payee_is_proposed_by_one_and_approved_by_another(staffed: Paygw) -> None:
    assert staffed("person add --id minh --name Minh --role approver --json").code == 0
    words = (
        f"--beneficiary treasury --name KB --account 71110012 --bank-code 01701001 {UNIT} --document CV --by an --json"
    )

    made = staffed(f"disburse payee {words}").said

    assert made["asked"]["account"] == "71110012"
    assert (
        staffed(f"decide approve {made['id']} --by minh --hash {made['content_hash']} --json").said["status"]
        == "approved"
    )


def test_two_persons_decide_from_a_shell(staffed: Paygw) -> None:
    assert staffed("person add --id minh --name Minh --role approver --json").code == 0
    fields = "--set event=interest --set key=1 --set holding=H:bank:9704 --set amount_vnd=7 --set party=9704"

    made = staffed(f"decide propose movement {fields} --document CV-1 --by an --json").said
    done = staffed(f"decide approve {made['id']} --by minh --hash {made['content_hash']} --json").said

    assert (made["status"], done["status"], done["asked"]["amount_vnd"]) == ("open", "approved", 7)
    assert [one["id"] for one in staffed("decide list --status approved --json").said] == [made["id"]]
    assert "proposal_decided" in staffed(f"decide reject {made['id']} --by minh").refusal
    assert {one["action"] for one in staffed("decide actions --json").said} >= {"remit", "report_dispute", "fund"}
    assert made["id"] in staffed(f"decide show {made['id']}").out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("decide propose remit --set holder=a --document CV --by an", "invalid_value"),
        ("decide propose remit --set holder --document CV --by an", "invalid_value"),
        ("decide propose thaw --set receipt_id=rcp_1 --document CV --by an", "invalid_value"),
        ("decide show dec_1", "not_found"),
        (f"refund ask rcp_{'0' * 32} --amount 5 --reason CV --by an", "not_found"),
        (f"refund ask rcp_{'0' * 32} --amount 5 --reason CV --by nobody", "role_missing"),
    ],
)
def test_what_nobody_can_decide_is_one_line(staffed: Paygw, words: str, code: str) -> None:
    assert code in staffed(words).refusal


def test_lists_are_empty_before_there_is_anything(staffed: Paygw) -> None:
    assert staffed("disburse list --json").said == []
    assert staffed("disburse due --json").said == []


@pytest.mark.parametrize(("typed", "meant_vnd"), [("50000", 50_000), ("50.000", 50_000), ("1.205.000", 1_205_000)])
def test_an_amount_with_dots_is_what_it_says_in_vietnam(staffed: Paygw, typed: str, meant_vnd: int) -> None:
    fields = f"--set event=interest --set key=1 --set holding=H:bank:9704 --set amount_vnd={typed} --set party=9704"

    made = staffed(f"decide propose movement {fields} --document CV-1 --by an --json").said

    assert made["asked"]["amount_vnd"] == meant_vnd


@pytest.mark.parametrize("typed", ["50,000", "50.00", "5e4", "50.0000", "-5", "1.0", "0x10", "50_000", "٥٠"])
def test_an_amount_that_says_two_things_is_refused(staffed: Paygw, typed: str) -> None:
    fields = f"--set event=interest --set key=1 --set holding=H:bank:9704 --set amount_vnd={typed} --set party=9704"

    asked = staffed(f"refund ask rcp_{'0' * 32} --amount={typed} --reason CV --by an")

    assert "invalid_value" in staffed(f"decide propose movement {fields} --document CV-1 --by an").refusal
    assert (asked.code, "whole đồng" in asked.err) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        "reconcile --bank sandbox-a",
        "reconcile --date 2026-11-23",
        "reconcile --bank sandbox-a --date 2026-11-23 --dry-run --as-known",
        "reconcile --bank sandbox-a --date 2026-11-23 --settlement /nowhere/at-all.csv",
    ],
)
def test_a_night_asked_for_wrongly_is_one_line_and_leaves_nothing(paygw: Paygw, words: str) -> None:
    """A path that led nowhere left a night that was running for ever."""
    assert paygw(f"{BANK} --json").code == 0

    assert "invalid_value" in paygw(words).refusal
    assert paygw("reconcile --json").said == []


def test_a_bank_of_a_hub_that_holds_money_says_where_it_pays(staffed: Paygw) -> None:
    assert "--account" in staffed(BANK).refusal
    assert staffed(f"{BANK} --account 1020304050 --json").said["state"] == "created"


def test_an_empty_desk_says_so(staffed: Paygw) -> None:
    for words in ("ledger unapplied", "decide cases", "disburse due", "breaks list", "minutes list", "reconcile"):
        assert "Không có gì" in staffed(words).out
    assert staffed("decide cases --json").said == []
    assert staffed("ledger unapplied --json").said == {"items": [], "next": None}
