"""What every connector is, before it speaks."""

import ast
import re
from pathlib import Path

import pytest

import connectors
from connectors import discover
from paygw.kernel.connector import Connector, HttpReply, Verdict
from paygw.simulators.side import sides
from tests.conformance.pairs import CONNECTORS, Pair

ROOT = Path(connectors.__file__).parent


@pytest.mark.parametrize("name", sorted(CONNECTORS))
def test_every_connector_brings_its_banks_side(name: str) -> None:
    assert name in sides()


@pytest.mark.parametrize("connector", CONNECTORS.values(), ids=lambda connector: connector.name)
def test_one_way_to_start_a_payment(connector: Connector) -> None:
    ways = (connector.build_redirect is not None) + (connector.open_session is not None)

    assert ways == (1 if connector.methods else 0)


@pytest.mark.parametrize("connector", CONNECTORS.values(), ids=lambda connector: connector.name)
def test_who_takes_cards_knows_disputes_and_nobody_else(connector: Connector) -> None:
    assert connector.disputes == ("card" in connector.methods)


@pytest.mark.parametrize("connector", CONNECTORS.values(), ids=lambda connector: connector.name)
def test_the_console_can_make_a_form_of_the_credentials(connector: Connector) -> None:
    names = [credential.name for credential in connector.credentials]

    assert len(set(names)) == len(names)
    assert any(credential.secret for credential in connector.credentials) or not sides()[connector.name].samples
    assert all(credential.help for credential in connector.credentials)
    assert not any(re.fullmatch(credential.pattern, "") for credential in connector.credentials)


@pytest.mark.parametrize("connector", CONNECTORS.values(), ids=lambda connector: connector.name)
def test_limits_leave_room_for_money(connector: Connector) -> None:
    limits = connector.limits

    assert 0 < limits.amount_min_vnd < limits.amount_max_vnd <= 10**12
    assert limits.reference_max_chars > 0
    assert limits.session_max_s > 0


@pytest.mark.parametrize("connector", CONNECTORS.values(), ids=lambda connector: connector.name)
@pytest.mark.parametrize("verdict", Verdict)
def test_acknowledgements_are_total(connector: Connector, verdict: Verdict) -> None:
    reply = connector.acknowledge(verdict)

    assert isinstance(reply, HttpReply)
    assert 200 <= reply.status < 600


@pytest.mark.parametrize("connector", CONNECTORS.values(), ids=lambda connector: connector.name)
def test_what_is_not_durable_is_asked_for_again(connector: Connector) -> None:
    accepted, unavailable = connector.acknowledge(Verdict.ACCEPTED), connector.acknowledge(Verdict.UNAVAILABLE)

    assert accepted.status < 300
    assert (unavailable.status, unavailable.body) != (accepted.status, accepted.body)


@pytest.mark.parametrize("connector", CONNECTORS.values(), ids=lambda connector: connector.name)
def test_a_forged_message_is_never_thanked_for(connector: Connector) -> None:
    accepted, refused = connector.acknowledge(Verdict.ACCEPTED), connector.acknowledge(Verdict.BAD_SIGNATURE)

    assert (refused.status, refused.body) != (accepted.status, accepted.body)


@pytest.mark.parametrize("connector", CONNECTORS.values(), ids=lambda connector: connector.name)
def test_money_known_already_is_acknowledged_like_new_money(connector: Connector) -> None:
    assert connector.acknowledge(Verdict.DUPLICATE).status == connector.acknowledge(Verdict.ACCEPTED).status


def test_the_test_configuration_is_what_the_console_would_accept(pair: Pair) -> None:
    given = {**pair.secrets.values, **pair.secrets.options}

    for credential in pair.connector.credentials:
        if credential.secret or credential.name in given:
            assert re.fullmatch(credential.pattern, given[credential.name]), credential.name


def test_the_bank_side_knows_another_key(pair: Pair) -> None:
    assert set(pair.side.other_values) == set(pair.secrets.values)
    assert all(pair.side.other_values[name] != value for name, value in pair.secrets.values.items())


def test_no_secret_shows_in_a_repr(pair: Pair) -> None:
    shown = repr(pair.secrets)

    assert not any(value in shown for value in pair.secrets.values.values())


@pytest.mark.parametrize("name", sorted(discover()))
def test_a_connector_opens_nothing_by_itself(name: str) -> None:
    tree = ast.parse((ROOT / f"{name}.py").read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert not imported & {"socket", "ssl", "http.client", "urllib.request", "os", "subprocess", "asyncio", "time"}
