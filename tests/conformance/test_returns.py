"""Returns of browsers: what the bank signed is what we read, and nothing else is read at all."""

from dataclasses import replace

import pytest

from paygw.kernel.connector import BadSignature, Contact, HttpRequest, Malformed, Returned, Secrets
from paygw.kernel.forms import FACTOR
from paygw.simulators.provider import providers
from tests.conformance.pairs import NOW, Pair, sample_payment

BACK = "https://hub.example/pay/token/return"


def query_of(pair: Pair) -> str:
    """The query string a provider gives the browser after a payment."""
    if pair.connector.parse_return is None:
        pytest.skip("nothing signed is brought back in this protocol")
    provider, paid = providers()[pair.connector.name], replace(sample_payment(pair), attempt_ref=pair.ref)
    if provider.shown is not None:
        return provider.shown(paid, pair.secrets, NOW)
    return pair.told(paid).url.partition("?")[2]


def read(pair: Pair, query: str, secrets: Secrets | None = None) -> Returned | None:
    """What we make of it; None where it is refused."""
    assert pair.connector.parse_return is not None
    try:
        return pair.connector.parse_return(HttpRequest(method="GET", url=f"{BACK}?{query}"), secrets or pair.secrets)
    except (BadSignature, Malformed):
        return None


def test_a_signed_return_names_its_attempt(pair: Pair) -> None:
    heard = read(pair, query_of(pair))

    assert heard is not None
    assert (heard.attempt_ref, heard.contact) == (pair.ref, Contact.SUCCEEDED)


def test_no_changed_byte_of_a_return_says_anything_else(pair: Pair) -> None:
    query = query_of(pair)
    honest = read(pair, query)

    for place, char in enumerate(query):
        changed = f"{query[:place]}{'1' if char != '1' else '2'}{query[place + 1 :]}"
        heard = read(pair, changed)
        assert heard is None or (heard.attempt_ref, heard.contact) == (honest and honest.attempt_ref, Contact.SUCCEEDED)


def test_no_return_is_read_without_its_signature_or_under_another_key(pair: Pair) -> None:
    query = query_of(pair)
    longest = max(query.split("&"), key=len)

    assert read(pair, "") is None
    assert read(pair, query, pair.strangers) is None
    assert read(pair, query, replace(pair.secrets, values={})) is None
    assert read(pair, "&".join(part for part in query.split("&") if part != longest)) is None


def test_a_repeated_field_of_a_return_is_refused_or_changes_nothing(pair: Pair) -> None:
    query = query_of(pair)
    honest = read(pair, query)

    for part in query.split("&"):
        name, _, value = part.partition("=")
        other = str(int(value) * FACTOR) if value.isdecimal() else f"{value}1"
        assert read(pair, f"{query}&{name}={other}") in {None, honest}
        assert read(pair, f"{name}={other}&{query}") in {None, honest}
