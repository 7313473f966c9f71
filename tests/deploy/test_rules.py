"""The rules of the monitor: sound, about series the hub makes, each with words for people and a way out."""

import re
import shutil
import subprocess
from collections import Counter

import pytest
import yaml

from paygw.hub.webhooks import _OUTCOMES as WEBHOOK_OUTCOMES
from paygw.kernel.breaks import POLICIES, Automatic
from paygw.outside.metrics import METRICS
from paygw.web.ops import REASONS
from paygw.web.site import ROUTES
from tests.deploy.promql import ALERTS, ALL, RECORDS, RULES, balance, faults, grouped_by, selectors, threshold
from tests.house.sources import ROOT

_ACCENTED = re.compile("[àáảãạăâđèéẻẽẹêìíỉĩịòóỏõọôơùúủũụưỳýỷỹỵ]", re.IGNORECASE)
_TESTED = yaml.safe_load((ROOT / "deploy/prometheus/rules.test.yaml").read_text("utf-8"))

# Labels whose values are a closed set somewhere in the code.
CLOSED = {
    ("paygw_webhooks_received_total", "outcome"): set(WEBHOOK_OUTCOMES.values()),
    ("paygw_returns_total", "outcome"): {"verified", "forged"},
    ("paygw_files_total", "outcome"): {"staged", "superseded", "refused"},
    ("paygw_file_pickups_total", "outcome"): {"done", "failed"},
    ("paygw_recon_breaks", "kind"): set(POLICIES),
    ("paygw_position_oldest_seconds", "class"): {"U", "RP", "DT"},
    ("paygw_position_vnd", "class"): {"U", "RP", "RB", "DUE", "CLAIM", "UBD", "CH", "DT", "PRET"},
    ("paygw_remittance_vnd", "state"): {"waiting", "overdue", "no_term"},
    ("paygw_measure_age_seconds", "measure"): {"audit_verify_ok", "clearing_difference_vnd", "remittance_vnd"},
    ("paygw_not_ready", "reason"): set(REASONS),
    ("paygw_http_requests_total", "route"): {route.path for route in ROUTES},
    ("paygw_http_request_seconds_bucket", "route"): {route.path for route in ROUTES},
}


def strange_values(text: str) -> list[str]:
    """Matchers of an expression that no value of their closed set, or every one of it, satisfies."""
    return [
        f"{one.name}{{{matcher.label}{matcher.sign}{matcher.value}}}"
        for one in selectors(text)
        for matcher in one.matchers
        for values in [CLOSED.get((one.name, matcher.label), set())]
        if values and len({value for value in values if matcher.admits(value)}) in {0, len(values)}
    ]


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_asks_for_what_the_hub_shows(rule: dict[str, str]) -> None:
    assert faults(rule["expr"]) == []
    assert strange_values(rule["expr"]) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("max(paygw_nothing) > 0", "nobody makes paygw_nothing"),
        ('max(paygw_outbox_dead{bank="a"}) > 0', "paygw_outbox_dead has no label bank"),
        ("sum by (bank) (paygw_outbox_dead) > 0", "nothing in it has a label bank"),
        ("max(paygw_outbox_dead > 0", "( has no partner"),
        ("max(paygw_outbox_dead]) > 0", "] has no partner"),
        ("rate(paygw_http_request_seconds[5m])", "nobody makes paygw_http_request_seconds"),
    ],
)
def test_a_rule_that_asks_for_something_else_is_found(text: str, fault: str) -> None:
    assert faults(text) == [fault]


def test_a_value_that_no_code_says_is_found() -> None:
    wrong = 'max(paygw_position_oldest_seconds{class="XX"}) > 0'

    assert strange_values(wrong) == ["paygw_position_oldest_seconds{class=XX}"]


def test_strings_are_not_read_as_series() -> None:
    text = 'sum by (bank) (rate(paygw_returns_total{outcome="forged",bank!~"a(b|paygw_x"}[5m])) * 60 > 20'

    assert [one.name for one in selectors(text)] == ["paygw_returns_total"]
    assert balance(text) == ""
    assert grouped_by(text) == {"bank"}
    assert threshold(text) == (">", 20.0)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_speaks_to_people_in_both_languages(name: str) -> None:
    alert = ALERTS[name]
    words = alert["annotations"]

    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert set(words) == {"summary", "summary_en", "impact", "impact_en", "runbook"}
    assert all(_ACCENTED.search(words[word]) for word in ("summary", "impact"))
    assert not any(_ACCENTED.search(words[f"{word}_en"]) for word in ("summary", "impact"))
    assert words["runbook"] == f"docs/runbooks/alerts.md#{name.lower()}"
    assert all(balance(text.replace("'", "")) == "" for text in words.values())


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_names_only_labels_its_series_keep(name: str) -> None:
    alert = ALERTS[name]
    named = {label for text in alert["annotations"].values() for label in re.findall(r"\$labels\.(\w+)", text)}
    given = {matcher.label for one in selectors(alert["expr"]) for matcher in one.matchers if "absent" in alert["expr"]}
    kept = {label for one in selectors(alert["expr"]) for label in grouped_by(RECORDS.get(one.name, ""))} - {"le"}
    bare = {"job", "instance"} if {one.name for one in selectors(alert["expr"])} == {"up"} else set()

    assert named <= grouped_by(alert["expr"]) | given | kept | bare


def test_names_of_alerts_and_groups_are_used_once() -> None:
    assert [name for name, times in Counter(rule.get("alert") for rule in ALL).items() if name and times > 1] == []
    assert len({group["name"] for group in RULES["groups"]}) == len(RULES["groups"])


def test_what_pages_by_itself_in_the_rules_of_money_pages_here_too() -> None:
    paging = {kind for kind, policy in POLICIES.items() if policy.automatic is Automatic.PAGE}
    (asked,) = selectors(ALERTS["PaygwMoneyUnexplained"]["expr"])

    assert {kind for kind in POLICIES if asked.matchers[0].admits(kind)} == paging


def test_no_metric_has_a_label_the_monitor_would_overwrite() -> None:
    assert [name for name, declared in METRICS.items() if {"job", "instance", "le"} & set(declared.labels)] == []


def test_the_monitors_own_arithmetic_is_asked_about_every_alert() -> None:
    expected = {
        re.sub(r'.*alertname="(\w+)".*', r"\1", sample["labels"])
        for test in _TESTED["tests"]
        for asked in test["promql_expr_test"]
        for sample in asked.get("exp_samples", ())
        if "alertname" in sample["labels"]
    }

    assert expected == set(ALERTS)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_every_alert_fires_and_is_silent_by_the_monitors_own_arithmetic() -> None:
    folder = ROOT / "deploy/prometheus"
    subprocess.run(["promtool", "check", "rules", "rules.yaml"], cwd=folder, check=True)
    subprocess.run(["promtool", "test", "rules", "rules.test.yaml"], cwd=folder, check=True)
