"""`paygw disburse` and `paygw refund` from a shell: what they ask for, and the one line they refuse with."""

import pytest

from tests.cli.conftest import Paygw

pytestmark = pytest.mark.db

NOBODY = "rfd_" + "0" * 32
TO = "--name AN --account 0071001234567 --bank-code BFTVVNVX --claim 7"
NO_BATCH = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def staffed(paygw: Paygw) -> Paygw:
    """A hub in custody with a clerk."""
    assert paygw("person add --id an --name An --role clerk --json").code == 0
    return lambda words: paygw(words, PAYGW_FUNDS="custody", PAYGW_OPERATOR_BANK="BFTVVNVX")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (f"refund transfer {NOBODY} {TO} --by an", "not_found"),
        (f"refund transfer {NOBODY} {TO} --by nobody", "role_missing"),
        (f"disburse again {NO_BATCH} --group 1 --by an", "not_found"),
        ("disburse again mine --group 1 --by an", "not_found"),
        (f"disburse export {NO_BATCH} --by an --out x.xml", "payout_state"),
        ("disburse propose --account 9704 --by an", "nothing_selected"),
    ],
)
def test_what_cannot_leave_is_one_line(staffed: Paygw, words: str, code: str) -> None:
    assert code in staffed(words).refusal


def test_lists_are_empty_before_there_is_anything(staffed: Paygw) -> None:
    assert staffed("disburse list --json").said == []
    assert staffed("disburse due --json").said == []
