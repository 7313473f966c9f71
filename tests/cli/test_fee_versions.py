"""`paygw fees load|review|publish|show` from a shell: two persons, one sentence for every refusal."""

from functools import partial
from pathlib import Path

import pytest

from tests.cli.conftest import Paygw
from tests.house.sources import ROOT

pytestmark = pytest.mark.db

SECTOR = ROOT / "paygw" / "catalogue" / "fees" / "sector.yaml"
PROFILES = SECTOR.with_name("profiles.yaml")


@pytest.fixture
def live(paygw: Paygw) -> Paygw:
    """A live hub with a drafter and a decider: it charges nothing until somebody publishes."""
    value = next(one["value"] for one in paygw("settings --json").said if one["name"] == "PAYGW_VAR")
    assert paygw("key list --json").said == []
    hub = partial(
        paygw,
        PAYGW_MODE="live",
        PAYGW_PUBLIC_URL="https://pay.example.vn",
        PAYGW_KEY_FILE=f"{value}/secret/kek",
    )
    assert hub("person add --id an --role admin --json").said["state"] == "created"
    assert hub("person add --id binh --role admin --json").said["state"] == "created"
    return hub


def _drafted(live: Paygw, path: Path = SECTOR) -> list[str]:
    return [row["version"] for row in live(f"fees load {path} --by an --json").said]


def test_versions_come_into_force_by_two_persons(live: Paygw) -> None:
    drafts = _drafted(live)

    again = _drafted(live)
    alone = live(f"fees review {drafts[0]} --by an").refusal
    reviewed = live("fees review --all --by binh --json").said
    published = live(
        "fees publish --all --by binh --json --accept memory --accept illustrative --accept unmarked "
        "--accept placeholder"
    ).said

    assert drafts == again
    assert "same_person" in alone
    assert {row["state"] for row in reviewed} == {"reviewed"}
    assert {row["state"] for row in published} == {"published"}
    assert {row["version"] for row in live("fees show --state published --json").said} == set(drafts)


def test_draft_cannot_be_published_unread(live: Paygw) -> None:
    draft = _drafted(live)[0]

    refusal = live(f"fees publish {draft} --by binh").refusal

    assert "version_state" in refusal
    assert "reviewed" in refusal


def test_figures_nobody_verified_need_a_word(live: Paygw, tmp_path: Path) -> None:
    draft = _drafted(live, _one_schedule(tmp_path, amount_vnd=1000))[0]
    live(f"fees review {draft} --by binh --json")

    refusal = live(f"fees publish {draft} --by binh").refusal

    assert "--accept" in refusal


def test_overlap_is_refused_and_what_is_published_stays(live: Paygw, tmp_path: Path) -> None:
    first = _published(live, _one_schedule(tmp_path, amount_vnd=1000))
    second = _drafted(live, _one_schedule(tmp_path, amount_vnd=2000))[0]
    live(f"fees review {second} --by binh --json")

    refusal = live(f"fees publish {second} --by binh --accept unmarked").refusal
    again = live(f"fees publish {first} --by binh --accept unmarked").refusal
    superseding = live(f"fees publish {second} --by binh --accept unmarked --supersede --json").said

    assert "version_overlaps" in refusal
    assert "--supersede" in refusal
    assert "version_state" in again
    assert superseding[0]["state"] == "published"
    assert live(f"fees show {first} --json").said["state"] == "superseded"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("fees review --by binh", "--all"),
        ("fees publish ffffffffffff --by binh", "no version begins like this"),
        ("fees show 9.999999", "no version"),
        ("fees load nowhere.yaml --by an", "nowhere.yaml"),
        (f"fees load {PROFILES} --by an", "no schedule"),
    ],
)
def test_mistake_is_told_in_one_line(live: Paygw, words: str, told: str) -> None:
    assert told in live(words).refusal


def _published(live: Paygw, path: Path) -> str:
    draft = _drafted(live, path)[0]
    live(f"fees review {draft} --by binh --json")
    live(f"fees publish {draft} --by binh --accept unmarked --json")
    return draft


def _one_schedule(folder: Path, *, amount_vnd: int) -> Path:
    path = folder / "own.yaml"
    path.write_text(
        f"""
schema: paygw.fees/v1
procedures:
  - code: "9.990001"
    facts: {{}}
    schedules:
      - id: own-{amount_vnd}
        jurisdiction: VN
        effective_from: "2024-01-01"
        components:
          - {{id: phi, type: phi, base: {{fixed: {amount_vnd}}}}}
""",
        "utf-8",
    )
    return path
