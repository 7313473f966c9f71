"""The image and the compose file keep what they promise. Docker is not needed: both are read, scripts are run."""

import re
import subprocess
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from paygw.settings import Settings
from paygw.store.dsn import parse_dsn
from paygw.store.roles import bootstrap_script
from tests.house.sources import ROOT

_COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text("utf-8"))
_SERVICES: dict[str, dict[str, Any]] = _COMPOSE["services"]
_OURS = ("migrate", "hub", "worker")
_VERBS = {"serve", "work", "migrate"}
_SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|DATABASE_URL|KEY", re.IGNORECASE)


def _instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, rest), continued lines joined, comments dropped."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in joined.splitlines()]


def _final_stage() -> list[tuple[str, str]]:
    steps = _instructions()
    return steps[max(n for n, (word, _) in enumerate(steps) if word == "FROM") :]


def _healthchecked(service: Mapping[str, Any]) -> bool:
    check = service.get("healthcheck", {})
    return bool(check.get("test")) or (check.get("disable") is True and service.get("restart") == "no")


def test_image_names_the_version_it_stands_on() -> None:
    bases = [rest.split()[0] for word, rest in _instructions() if word == "FROM"]

    assert bases
    assert all(re.fullmatch(r"[\w./-]+:\d[\w.-]*", base) for base in bases)


def test_image_runs_as_an_account_of_its_own_under_an_init() -> None:
    final = dict(_final_stage())

    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", final["USER"])
    assert final["ENTRYPOINT"].startswith('["/usr/bin/tini", "--",')
    assert "/healthz" in final["HEALTHCHECK"]
    assert final["VOLUME"] == '["/var/lib/paygw"]'


def test_image_installs_only_what_has_a_hash() -> None:
    installs = [rest for word, rest in _instructions() if word == "RUN" and re.search(r"\bpip\b[^&]*\binstall\b", rest)]

    assert installs
    assert all("--require-hashes" in run and "--only-binary :all:" in run for run in installs)


def test_image_leaves_no_installer_and_no_package_list_behind() -> None:
    runs = " ".join(rest for word, rest in _final_stage() if word == "RUN")

    assert "--no-install-recommends" in runs
    assert "rm -rf /var/lib/apt/lists/*" in runs
    assert re.search(r"pip uninstall [^&]*setuptools wheel pip", runs)
    assert not re.search(r"\b(gcc|build-essential|curl|git)\b", runs)


def test_image_copies_only_what_exists_and_is_sent() -> None:
    copies = [rest.split() for word, rest in _instructions() if word == "COPY" and "--from=" not in rest]
    sent = set((ROOT / ".dockerignore").read_text("utf-8").split())

    assert "ADD" not in {word for word, _ in _instructions()}
    assert all((ROOT / source).exists() for *sources, _ in copies for source in sources)
    assert {source for *sources, _ in copies for source in sources} == {name[1:] for name in sent if name[0] == "!"}


def test_image_holds_no_secret() -> None:
    assert not [rest for word, rest in _instructions() if word in {"ENV", "ARG"} and _SECRET_NAME.search(rest)]


@pytest.mark.parametrize("name", _SERVICES)
def test_service_is_hardened(name: str) -> None:
    service = _SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not str(service["user"]).startswith(("0", "root"))
    assert service["pids_limit"] > 0
    assert _healthchecked(service)


@pytest.mark.parametrize("name", _SERVICES)
def test_service_gets_secrets_as_files_only(name: str) -> None:
    environment: dict[str, str] = _SERVICES[name].get("environment", {})
    suspicious = {key: value for key, value in environment.items() if _SECRET_NAME.search(key)}

    assert all(key.endswith("_FILE") and value.startswith("/run/secrets/") for key, value in suspicious.items())
    assert {value.rsplit("/", 1)[1] for value in suspicious.values()} <= set(_SERVICES[name]["secrets"])
    assert set(_SERVICES[name]["secrets"]) <= set(_COMPOSE["secrets"])


def test_only_the_migration_may_enter_as_the_owner() -> None:
    entitled = {name for name in _OURS if "paygw_owner_database_url" in _SERVICES[name]["secrets"]}

    assert entitled == {"migrate"}


def test_ports_open_on_the_loopback_only_and_the_database_has_none() -> None:
    ports = [port for service in _SERVICES.values() for port in service.get("ports", [])]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert "ports" not in _SERVICES["postgres"]
    assert _SERVICES["postgres"]["networks"] == ["inside"]
    assert _COMPOSE["networks"]["inside"]["internal"] is True


def test_database_keeps_its_promises_about_durability() -> None:
    command = " ".join(_SERVICES["postgres"]["command"])

    assert all(f"{name}=on" in command for name in ("fsync", "full_page_writes", "synchronous_commit"))


def test_compose_speaks_of_settings_and_verbs_that_exist() -> None:
    named = {key for name in _OURS for key in _SERVICES[name]["environment"]}
    mounted = {secret for name in _OURS for secret in _SERVICES[name]["secrets"]}
    image = set(re.findall(r"\b(PAYGW_\w+)=", (ROOT / "Dockerfile").read_text("utf-8")))
    fields = {f"PAYGW_{field.upper()}" for field in Settings.model_fields}

    assert named | image <= fields
    assert {secret.upper() for secret in mounted} - {"PAYGW_KEK"} <= fields
    assert {_SERVICES[name]["command"][0] for name in _OURS} == _VERBS


def test_new_database_gets_the_roles_the_code_knows() -> None:
    script = (ROOT / "deploy/postgres/10-roles.sql").read_text("utf-8")

    assert script.split("\n", 1)[1] == bootstrap_script()


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """A folder as `deploy/new-secrets` makes it."""
    folder = tmp_path / "secrets"
    subprocess.run([ROOT / "deploy/new-secrets", folder], check=True, capture_output=True)
    return folder


def test_new_secrets_are_those_compose_mounts_and_settings_read(secrets: Path) -> None:
    settings = Settings(_secrets_dir=secrets, key_file=secrets / "paygw_kek")
    assert settings.database_url
    assert settings.owner_database_url
    runtime, owner = (parse_dsn(url.get_secret_value()) for url in (settings.database_url, settings.owner_database_url))

    assert {file.name for file in secrets.iterdir()} == set(_COMPOSE["secrets"])
    assert (runtime.user, runtime.host, runtime.database) == ("paygw_runtime", "postgres", "paygw")
    assert (owner.user, owner.host, owner.database) == ("paygw_owner", "postgres", "paygw")
    assert runtime.password != owner.password
    assert len(bytes.fromhex(settings.kek_path.read_text("ascii"))) == 32


def test_new_secrets_are_never_overwritten(secrets: Path) -> None:
    before = {file.name: file.read_bytes() for file in secrets.iterdir()}
    subprocess.run([ROOT / "deploy/new-secrets", secrets], check=True, capture_output=True)

    assert {file.name: file.read_bytes() for file in secrets.iterdir()} == before
    assert secrets.stat().st_mode & 0o777 == 0o700


def test_ci_runs_setup_then_tests_then_checks_then_drills() -> None:
    script = (ROOT / ".ci/run").read_text("utf-8")
    places = [script.index(f"make {target}\n") for target in ("setup", "test", "check", "drill")]

    assert all(first < second for first, second in pairwise(places))
    assert "set -euo pipefail" in script
