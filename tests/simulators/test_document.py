"""The protocol document names all that the sandbox and its connector do: another program can play the bank."""

from pathlib import Path

import pytest

from connectors import sandbox as connector
from paygw.kernel.connector import Credential
from paygw.simulators import api, control
from paygw.simulators.config import Misbehaviour

DOCUMENT = (Path(__file__).parents[2] / "docs" / "api" / "sandbox-bank.md").read_text(encoding="utf-8")
CONTROL = DOCUMENT.partition("## 9.")[2]


@pytest.mark.parametrize("field", Misbehaviour.__struct_fields__)
def test_every_misbehaviour_is_documented(field: str) -> None:
    assert f"`{field}`" in CONTROL


@pytest.mark.parametrize("path", [route.path for route in control.routes()])
def test_every_command_is_documented(path: str) -> None:
    assert path in CONTROL


@pytest.mark.parametrize("path", [route.path for route in api.routes()])
def test_every_endpoint_is_documented(path: str) -> None:
    assert path.replace("{day}", "{YYYY-MM-DD}") in DOCUMENT


@pytest.mark.parametrize("field", [*api.SessionWanted.__struct_fields__, *api.RefundWanted.__struct_fields__])
def test_every_field_the_bank_reads_is_documented(field: str) -> None:
    assert field in DOCUMENT


@pytest.mark.parametrize("kind", list(connector._NEWS))
def test_every_type_of_webhook_is_documented(kind: str) -> None:
    section = DOCUMENT.partition("## 7.")[2].partition("## 8.")[0]
    family, _, word = kind.partition(".")

    assert f"`{kind}`" in section or (f"`{family}." in section and f"`.{word}`" in section)


@pytest.mark.parametrize("code", sorted({*connector._UNPAID, *connector._NO_SESSION, *connector._REFUNDS}))
def test_every_code_the_connector_knows_is_documented(code: str) -> None:
    assert code in DOCUMENT


@pytest.mark.parametrize("credential", connector.CONNECTOR.credentials, ids=lambda credential: credential.name)
def test_every_setting_is_documented(credential: Credential) -> None:
    assert credential.name in DOCUMENT
