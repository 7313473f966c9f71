"""Monitor, pager and pages are wired to each other and to the hub; every metric stands where somebody looks."""

import json
import re
from itertools import combinations
from typing import Any

import pytest
import yaml

from paygw.outside.metrics import METRICS
from paygw.settings import Settings
from tests.deploy.promql import ALERTS, ALL, faults, selectors
from tests.deploy.test_rules import strange_values
from tests.house.sources import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
WATCHING = sorted(name for name, service in SERVICES.items() if service.get("profiles") == ["watch"])
PROMETHEUS: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus/prometheus.yaml").read_text("utf-8"))
ALERTMANAGER: dict[str, Any] = yaml.safe_load((DEPLOY / "alertmanager/alertmanager.yaml").read_text("utf-8"))
PROVISIONING = DEPLOY / "grafana/provisioning"
(SOURCE,) = yaml.safe_load((PROVISIONING / "datasources/prometheus.yaml").read_text("utf-8"))["datasources"]
(PROVIDER,) = yaml.safe_load((PROVISIONING / "dashboards/paygw.yaml").read_text("utf-8"))["providers"]
BOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text("utf-8")) for path in sorted((DEPLOY / "grafana/dashboards").glob("*.json"))
}
PANELS = {
    f"{name}: {panel['title']}": panel
    for name, board in BOARDS.items()
    for panel in board["panels"]
    if panel["type"] != "row"
}


def test_operators_and_finance_each_have_a_page() -> None:
    assert sorted(BOARDS) == ["finance", "operators"]
    assert {board["uid"] for board in BOARDS.values()} == {f"paygw-{name}" for name in BOARDS}


@pytest.mark.parametrize("title", PANELS)
def test_a_panel_asks_for_what_the_hub_shows(title: str) -> None:
    panel = PANELS[title]

    assert panel["datasource"] == {"type": "prometheus", "uid": SOURCE["uid"]}
    assert panel["targets"]
    for target in panel["targets"]:
        assert [fault for fault in faults(target["expr"]) if "ALERTS" not in fault] == []
        assert strange_values(target["expr"]) == []
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels_left(target["expr"])


def labels_left(expr: str) -> set[str]:
    """The labels that survive an expression: those it groups by, or of the recorded series it shows."""
    grouped = re.findall(r"\bby\s*\(([^)]*)\)", expr)
    kept = {label.strip() for labels in grouped for label in labels.split(",")} - {"le"}
    recorded = {one.name.split(":")[0] for one in selectors(expr) if ":" in one.name}
    return kept | (recorded & {"bank"})


@pytest.mark.parametrize("name", BOARDS)
def test_a_page_is_sound_and_speaks_both_languages(name: str) -> None:
    panels = BOARDS[name]["panels"]
    places = [panel["gridPos"] for panel in panels]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert [panel["title"] for panel in panels if " · " not in panel["title"]] == []
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert [pair for pair in combinations(places, 2) if _overlap(*pair)] == []
    assert BOARDS[name]["timezone"] == "Asia/Ho_Chi_Minh"


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    across = one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
    down = one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"]
    return across and down


def test_every_metric_is_watched_by_a_rule_or_seen_on_a_page() -> None:
    asked = [rule["expr"] for rule in ALL] + [
        target["expr"] for panel in PANELS.values() for target in panel["targets"]
    ]
    read = {re.sub(r"_seconds_(bucket|sum|count)$", "_seconds", one.name) for expr in asked for one in selectors(expr)}

    assert set(METRICS) - read == set()


def test_the_monitor_reads_hub_and_worker_where_they_listen() -> None:
    targets = {
        one["job_name"]: target
        for one in PROMETHEUS["scrape_configs"]
        for config in one["static_configs"]
        for target in config["targets"]
    }
    ports = {
        "hub": Settings.model_fields["port"].default,
        "worker": SERVICES["worker"]["environment"]["PAYGW_WORK_PORT"],
    }
    (asked,) = selectors(ALERTS["PaygwProcessDown"]["expr"])

    assert targets == {f"paygw-{name}": f"{name}:{port}" for name, port in ports.items()}
    assert all(asked.matchers[0].admits(job) for job in targets)
    assert all((DEPLOY / "prometheus" / name).exists() for name in PROMETHEUS["rule_files"])


def test_the_monitor_shows_the_token_that_hub_and_worker_ask_for() -> None:
    files = {one["authorization"]["credentials_file"] for one in PROMETHEUS["scrape_configs"]}

    assert files == {"/run/secrets/paygw_metrics_token"}
    assert "metrics_token" in Settings.model_fields
    assert all("paygw_metrics_token" in SERVICES[name]["secrets"] for name in ("hub", "worker", "prometheus"))


def test_every_severity_has_somebody_who_is_called() -> None:
    route = ALERTMANAGER["route"]
    receivers = {one["name"]: one["webhook_configs"][0]["url_file"] for one in ALERTMANAGER["receivers"]}
    told = {route["receiver"], *(one["receiver"] for one in route["routes"])}

    assert told == set(receivers) == {alert["labels"]["severity"] for alert in ALERTS.values()}
    assert [one["matchers"] for one in route["routes"]] == [['severity = "page"']]
    assert {path.removeprefix("/run/secrets/") for path in receivers.values()} == set(
        SERVICES["alertmanager"]["secrets"]
    )


def test_what_silences_an_alert_is_an_alert_and_never_about_money() -> None:
    written = [
        (key, re.fullmatch(r'alertname =~? "(.*)"', matcher))
        for rule in ALERTMANAGER["inhibit_rules"]
        for key in ("source_matchers", "target_matchers")
        for matcher in rule[key]
    ]
    named = [(key, [name for name in ALERTS if found and re.fullmatch(found.group(1), name)]) for key, found in written]
    silenced = {name for key, names in named if key == "target_matchers" for name in names}

    assert [names for _, names in named if not names] == []
    assert {name for name in silenced if ALERTS[name]["labels"]["area"] == "money"} <= {"PaygwProofNeverMade"}


def test_services_find_each_other_and_their_files() -> None:
    managers = PROMETHEUS["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    mounts = [one.split(":") for name in WATCHING for one in SERVICES[name]["volumes"]]

    assert sorted(["alertmanager", "grafana", "prometheus"]) == WATCHING
    assert managers == ["alertmanager:9093"]
    assert SOURCE["url"] == "http://prometheus:9090"
    assert all((DEPLOY / mount[0]).is_dir() for mount in mounts if mount[0].startswith("./"))
    assert {mount[0] for mount in mounts if mount[0][0] != "."} <= set(COMPOSE["volumes"])
    assert PROVIDER["options"]["path"] in {mount[1] for mount in mounts}
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{PROVIDER['options']['path']}/operators.json"


@pytest.mark.parametrize("name", sorted({"prometheus", "alertmanager", "grafana", "postgres"}))
def test_an_image_of_others_names_its_version(name: str) -> None:
    assert re.fullmatch(r"[\w./-]+:v?\d[\w.-]*", SERVICES[name]["image"])


def test_nothing_of_the_hub_waits_for_those_who_watch() -> None:
    needed = {other for service in SERVICES.values() for other in service.get("depends_on", {})}

    assert not needed & set(WATCHING)
