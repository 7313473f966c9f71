"""Banks from scripts: offers, limits, maintenance, secrets, what the connectors can do, trials of one bank."""

import asyncio
import json
from functools import partial
from pathlib import Path

import asyncpg
import msgspec
import pytest

from paygw.hub.registry import bank_place
from paygw.outside.vault import open_vault
from tests.cli.conftest import Paygw
from tests.db_fixtures import Database

pytestmark = pytest.mark.db

MOMO = (
    "bank add --id momo-main --connector momo --base-url https://test-payment.momo.example --merchant MOMOPGTEST01 "
    "--set accessKey=F8BBA842ECF85 --set secretKey=K951B6PE1waDMi640xX08PD3vg6EkVlz --json"
)


def test_offers_limits_and_maintenance_are_data(paygw: Paygw) -> None:
    paygw(MOMO)
    words = [
        "bank offer --id momo-main --off --json",
        "bank offer --id momo-main --portal hanoi --on --json",
        "bank limit --id momo-main --min 10000 --max 5000000 --json",
        "bank maintenance --id momo-main --from 2026-11-30T22:00 --until 2026-12-01T05:00 --note-vi Bao_tri --json",
    ]

    first = [paygw(word).said["state"] for word in words]
    again = [paygw(word).said["state"] for word in words]

    assert first == ["created", "created", "updated", "created"]
    assert again == ["unchanged"] * 4
    (momo,) = [one for one in paygw("connectors --json").said if one["name"] == "momo"]
    (bank,) = momo["banks"]
    assert bank["terms"] == [
        {"portal": "", "body": "", "offered": False, "min_vnd": 10_000, "max_vnd": 5_000_000},
        {"portal": "hanoi", "body": "", "offered": True, "min_vnd": None, "max_vnd": None},
    ]
    assert bank["maintenance"] == [{"starts_at": "2026-11-30T15:00:00+00:00", "ends_at": "2026-11-30T22:00:00+00:00"}]


def test_maintenance_is_called_off_by_its_beginning(paygw: Paygw) -> None:
    paygw(MOMO)
    paygw("bank maintenance --id momo-main --from 2026-11-30T22:00 --until 2026-12-01T05:00 --json")

    ended = paygw("bank maintenance --id momo-main --from 2026-11-30T22:00+07:00 --json").said
    again = paygw("bank maintenance --id momo-main --from 2026-11-30T22:00 --json").said

    assert (ended["state"], again["state"]) == ("revoked", "unchanged")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("bank limit --id momo-main --min 10 --max 5", "min:"),
        ("bank limit --id nobody --min 10", "no bank nobody"),
        ("bank maintenance --id momo-main --from tomorrow", "from:"),
        ("bank maintenance --id momo-main --from 2026-11-30T22:00 --until 2026-11-30T21:00", "until:"),
        ("bank rotate-secret --id momo-main --set secretKey=x", "secretKey:"),
        ("bank rotate-secret --id momo-main --set partnerName=x", "partnerName:"),
        ("bank rotate-secret --id momo-main", "accessKey, secretKey"),
        ("bank rotate-secret --id momo-main --secret 12345678", "use --set"),
        ("bank rotate-secret --id momo-main --end-previous --set secretKey=abcd1234", "stands alone"),
        ("conformance --bank nobody", "no bank nobody"),
    ],
)
def test_what_cannot_be_meant_is_told_by_name(paygw: Paygw, words: str, told: str) -> None:
    paygw(MOMO)

    assert told in paygw(words).refusal


def stored(database: Database, key_file: Path) -> list[dict[str, str]]:
    """The current and the previous secrets of the bank, opened as the hub opens them."""
    vault = open_vault(key_file, create=False)

    async def read() -> list[bytes | None]:
        connection = await asyncpg.connect(**database.owner.connect_args())
        row = await connection.fetchrow("SELECT credentials, credentials_previous FROM banks WHERE id = 'momo-main'")
        await connection.close()
        return list(row)

    sealed = [one for one in asyncio.run(read()) if one is not None]
    return [msgspec.json.decode(vault.open(one, where=bank_place("momo-main")), type=dict[str, str]) for one in sealed]


def test_secrets_rotate_in_parts_and_the_ones_before_count_until_they_are_ended(
    paygw: Paygw, database: Database, tmp_path: Path
) -> None:
    paygw(MOMO)
    key_file = tmp_path / "secret" / "kek"

    rotated = paygw("bank rotate-secret --id momo-main --set secretKey=next-key-of-momo --json")
    again = paygw("bank rotate-secret --id momo-main --set secretKey=next-key-of-momo --json").said
    current, previous = stored(database, key_file)
    (momo,) = [one for one in paygw("connectors --json").said if one["name"] == "momo"]
    ended = paygw("bank rotate-secret --id momo-main --end-previous --json").said

    assert (rotated.said["state"], again["state"], ended["state"]) == ("rotated", "unchanged", "revoked")
    assert "next-key-of-momo" not in rotated.out
    assert current == {"accessKey": "F8BBA842ECF85", "secretKey": "next-key-of-momo"}
    assert previous["secretKey"] == "K951B6PE1waDMi640xX08PD3vg6EkVlz"
    assert momo["banks"][0]["rotating"] == ["accessKey", "secretKey"]
    assert stored(database, key_file) == [current]


def in_live_mode(paygw: Paygw, folder: Path) -> Paygw:
    """The same verbs on a live hub, whose key file a first call made."""
    key_file = str(folder / "secret" / "kek")
    assert paygw("key list --json", PAYGW_KEY_FILE=key_file).said == []
    return partial(paygw, PAYGW_MODE="live", PAYGW_PUBLIC_URL="https://pay.example.vn", PAYGW_KEY_FILE=key_file)


def test_in_live_mode_two_persons_rotate_secrets_and_the_second_sees_none(paygw: Paygw, tmp_path: Path) -> None:
    live = in_live_mode(paygw, tmp_path)
    live("person add --id an --role admin --json")
    live("person add --id binh --role admin --json")
    added = live(f"{MOMO} --by an").said
    live(f"proposal approve {added['proposal']} --by binh --json")

    alone = live("bank rotate-secret --id momo-main --set secretKey=next-key-of-momo").refusal
    proposed = live("bank rotate-secret --id momo-main --set secretKey=next-key-of-momo --by an --json").said
    waiting = live("proposal list --json")
    same = live(f"proposal approve {proposed['proposal']} --by an").refusal
    approved = live(f"proposal approve {proposed['proposal']} --by binh --json")

    assert "role_missing" in alone
    assert "same_person" in same
    assert (proposed["state"], approved.said["state"]) == ("proposed", "rotated")
    assert not any("next-key-of-momo" in ran.out for ran in (waiting, approved))


TEST_HOSTS = [
    ("https://test-payment.momo.vn", "test-payment.momo.vn is a test host"),
    ("https://TEST-payment.momo.vn./v2", "test-payment.momo.vn is a test host"),
    ("https://sandbox.vnpayment.vn", "sandbox.vnpayment.vn is a test host"),  # whichever connector is named
]


@pytest.mark.parametrize(("base_url", "told"), TEST_HOSTS)
def test_a_live_hub_takes_no_test_host(paygw: Paygw, tmp_path: Path, base_url: str, told: str) -> None:
    words = f"{MOMO} --by an".replace("https://test-payment.momo.example", base_url)

    assert told in in_live_mode(paygw, tmp_path)(words).refusal
    assert "created" in paygw(words).out


def test_a_test_hub_takes_no_live_host(paygw: Paygw) -> None:
    words = MOMO.replace("test-payment.momo.example", "payment.momo.vn")

    assert "payment.momo.vn is a live host" in paygw(words).refusal


def test_the_doctor_names_a_bank_of_the_other_mode(paygw: Paygw, tmp_path: Path) -> None:
    """A live hub given the database of a test hub: its bank is left out, which somebody should be told."""
    live = in_live_mode(paygw, tmp_path)
    key_file = str(tmp_path / "secret" / "kek")
    paygw(MOMO.replace("test-payment.momo.example", "test-payment.momo.vn"), PAYGW_KEY_FILE=key_file)

    ran = live("doctor --json")

    (found,) = [one for one in json.loads(ran.out) if one["check"] == "registry"]
    assert (ran.code, found["ok"]) == (1, False)
    assert "momo-main is left out: base-url: test-payment.momo.vn is a test host" in found["detail"]


def test_an_option_is_an_address_too(paygw: Paygw, tmp_path: Path) -> None:
    words = (
        "bank add --id vnpay-main --connector vnpay --base-url https://pay.bank.example --by an "
        "--set hash_secret=0123456789abcdef --set api_url=https://sandbox.vnpayment.vn/merchant_webapi/api/transaction"
    )

    assert "sandbox.vnpayment.vn is a test host" in in_live_mode(paygw, tmp_path)(words).refusal


def test_the_connectors_are_listed_without_secrets(paygw: Paygw) -> None:
    paygw(MOMO)

    ran = paygw("connectors --json")
    momo, payos = (next(one for one in ran.said if one["name"] == name) for name in ("momo", "payos"))

    assert (momo["grade"], momo["methods"], momo["min_vnd"]) == ("A", ["wallet"], 1_000)
    assert {"open_session", "query", "refund", "query_refund", "parse_return"} <= set(momo["abilities"])
    assert (payos["receipts_per_attempt"], "refund" in payos["abilities"]) == ("many", False)
    assert "K951B6PE1waDMi640xX08PD3vg6EkVlz" not in ran.out + paygw("connectors").out


def test_trials_of_a_bank_that_is_not_there_fail_and_are_reported(paygw: Paygw, tmp_path: Path) -> None:
    paygw(MOMO.replace("https://test-payment.momo.example", "http://127.0.0.1:9"))
    report = tmp_path / "report.json"

    ran = paygw(f"conformance --bank momo-main --report {report} --json")

    told = {one["name"]: one["outcome"] for one in msgspec.json.decode(report.read_bytes())["trials"]}
    assert ran.code == 1
    assert told["configuration"] == "passed"
    assert told["transport"] == "skipped"
    assert told["unknown_reference"] == "failed"
    assert (told["forged_webhook"], told["acknowledgements"]) == ("passed", "passed")
