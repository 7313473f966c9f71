"""Provisioning from scripts: given values, JSON, the same again changes nothing, other values are refused."""

import json
from functools import partial

import pytest

from paygw.hub.registry import key_prefix
from tests.cli.conftest import Paygw

pytestmark = pytest.mark.db

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
KEY = "sk_test_portal-key-1"
PORTAL = (
    "portal add --id hanoi --name Hanoi --callback-url http://127.0.0.1:9000/in --return-origin http://127.0.0.1:9000 "
    f"--key {KEY} --secret {SECRET} --json"
)
BANK = (
    "bank add --id sandbox-a --connector sandbox --base-url http://127.0.0.1:8090/sandbox-a "
    "--secret sandbox-a-sandbox-secret --set flow=server --json"
)


def test_a_portal_takes_given_values_and_the_same_again_changes_nothing(paygw: Paygw) -> None:
    first, again = paygw(PORTAL).said, paygw(PORTAL).said

    assert (first.pop("state"), again.pop("state")) == ("created", "unchanged")
    assert first == again
    assert (first["key"], first["secret"], first["rate_post"]) == (KEY, SECRET, 15)


def test_other_values_are_refused_by_name_and_taken_on_request(paygw: Paygw) -> None:
    paygw(PORTAL)

    refusal = paygw(f"{PORTAL} --rate-post 50").refusal
    updated = paygw(f"{PORTAL} --rate-post 50 --update").said
    kept = paygw(PORTAL).said

    assert "rate_post" in refusal
    assert (updated["state"], updated["rate_post"]) == ("updated", 50)
    assert (kept["state"], kept["rate_post"]) == ("unchanged", 50)


def test_a_rotated_key_stands_beside_the_one_before_it(paygw: Paygw) -> None:
    paygw(PORTAL)

    assert paygw("portal rotate-key --id hanoi --key sk_test_portal-key-2 --json").said
    two = paygw("key list --json").said
    assert paygw("portal rotate-key --id hanoi --key sk_test_portal-key-3 --json").said
    again = paygw("portal rotate-key --id hanoi --key sk_test_portal-key-3 --json").said

    left = {one["prefix"] for one in paygw("key list --json").said}
    assert len(two) == 2
    assert again["state"] == "unchanged"
    assert left == {key_prefix("sk_test_portal-key-2"), key_prefix("sk_test_portal-key-3")}


def test_a_bank_is_judged_by_its_connector(paygw: Paygw) -> None:
    added, again = paygw(BANK).said, paygw(BANK).said

    assert (added["state"], again["state"], added["options"]) == ("created", "unchanged", {"flow": "server"})
    assert "connector:" in paygw(BANK.replace("sandbox --base", "gringotts --base")).refusal
    assert "flow:" in paygw(BANK.replace("flow=server", "flow=sideways")).refusal
    assert "secret:" in paygw(BANK.replace("sandbox-a-sandbox-secret", "short")).refusal


def test_lists_show_no_secret(paygw: Paygw) -> None:
    paygw(PORTAL)
    paygw(BANK)

    shown = "".join(paygw(f"{what} list --json").out for what in ("portal", "key", "bank"))

    assert "hanoi" in shown
    assert "sandbox-a" in shown
    assert not any(word in shown for word in (KEY, SECRET, "sandbox-a-sandbox-secret", "digest"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("portal add --id hanoi", "Missing option"),
        ("portal", "Missing command"),
        ("person add --id an --role king", "king"),
        ("nothing", "No such command"),
    ],
)
def test_a_misused_verb_is_told_in_one_line(paygw: Paygw, words: str, told: str) -> None:
    ran = paygw(words)

    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert told in ran.err


def test_values_that_cannot_be_meant_are_refused(paygw: Paygw) -> None:
    for part, other in (
        (KEY, "sk_live_portal-key-1"),
        (SECRET, "not-base64"),
        ("http://127.0.0.1:9000/in", "ftp://x/"),
    ):
        assert "invalid_value" in paygw(PORTAL.replace(part, other)).refusal


def test_in_live_mode_one_person_proposes_and_another_decides(paygw: Paygw) -> None:
    live = partial(paygw, PAYGW_MODE="live", PAYGW_PUBLIC_URL="https://pay.example.vn", PAYGW_KEY_FILE=_live_key(paygw))
    wanted = PORTAL.replace("http://127.0.0.1:9000", "https://dvc.example.vn").replace("--key " + KEY, "")
    assert live("person add --id an --role admin --json").said
    assert live("person add --id binh --role admin --json").said
    third = live("person add --id chi --role admin --by an --json").said

    proposed = live(f"{wanted} --by an").said
    alone = live(f"proposal approve {proposed['proposal']} --by an").refusal
    before = live("portal list --json").said
    approved = live(f"proposal approve {proposed['proposal']} --by binh --json").said
    after = live("portal list --json").said

    assert (third["state"], proposed["state"], approved["state"]) == ("proposed", "proposed", "created")
    assert "same_person" in alone
    assert (before, [one["id"] for one in after]) == ([], ["hanoi"])
    assert proposed["key"].startswith("sk_live_")
    assert not {"key", "secret"} & set(approved)
    assert "proposal_decided" in live(f"proposal approve {proposed['proposal']} --by binh").refusal


def _live_key(paygw: Paygw) -> str:
    """A live hub makes no key of its own: the file of the test hub is given to it."""
    value = next(one["value"] for one in paygw("settings --json").said if one["name"] == "PAYGW_VAR")
    assert paygw("key list --json").said == []
    return f"{value}/secret/kek"


def test_settings_are_listed_with_meaning_and_without_secrets(paygw: Paygw) -> None:
    rows = {one["name"]: one for one in paygw("settings --json", PAYGW_METRICS_TOKEN="very-secret").said}

    assert rows["PAYGW_PORT"]["default"] == 8080
    assert rows["PAYGW_METRICS_TOKEN"]["value"] == "********"
    assert all(one["meaning"] for one in rows.values())


def test_the_doctor_finds_a_healthy_hub_and_a_missing_key(paygw: Paygw) -> None:
    healthy = paygw("doctor --json")
    ill = paygw(
        "doctor --json", PAYGW_MODE="live", PAYGW_PUBLIC_URL="https://pay.example.vn", PAYGW_KEY_FILE="/nowhere/kek"
    )

    assert (healthy.code, ill.code) == (0, 1)
    assert [one["check"] for one in json.loads(ill.out) if not one["ok"]] == ["key_file"]


def test_an_empty_hub_has_books_and_chains_that_hold(paygw: Paygw) -> None:
    paygw(PORTAL)
    assert paygw("audit seal --json").code == 0

    assert paygw("ledger check --json").said == {"ok": True, "violations": []}
    assert paygw("audit verify --json").said == {"ok": True}
