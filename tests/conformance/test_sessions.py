"""The way to the bank, read by its own side: it is asked for exactly what the hub wants."""

import pytest

from paygw.kernel.connector import HttpRequest
from paygw.simulators.provider import Opening, providers
from tests.conformance.pairs import Pair, session_ask

TEXTS = ["Le phi ho chieu", "Nộp lệ phí – Đỗ Thị Hường", "50% + thue & phi = 1 ~ #7?", "a  b", "😀"]


def opening(pair: Pair, **changes: object) -> Opening:
    """What the provider makes of the first thing the connector sends."""
    provider = providers().get(pair.connector.name)
    if provider is None or not provider.has_page:
        pytest.skip("no simulator of this protocol is sent payers")
    ask = session_ask(**{"attempt_ref": pair.ref} | changes)
    if pair.connector.build_redirect is not None:
        request = HttpRequest(method="GET", url=pair.connector.build_redirect(ask, pair.secrets).redirect_url)
    elif pair.connector.open_session is not None:
        request = next(pair.connector.open_session(ask, pair.secrets))
    else:
        pytest.skip("this protocol opens no sessions")
    asked = provider.read(request, pair.secrets)
    assert isinstance(asked, Opening)
    return asked


@pytest.mark.parametrize("amount_vnd", [10_000, 150_000, 999_999, 12_345_678])
def test_the_amount_asked_for_is_the_amount_wanted(pair: Pair, amount_vnd: int) -> None:
    limits = pair.connector.limits
    wanted = min(max(amount_vnd, limits.amount_min_vnd), limits.amount_max_vnd)

    assert opening(pair, amount_vnd=wanted).amount_vnd == wanted


def test_reference_merchant_and_way_back_arrive(pair: Pair) -> None:
    asked = opening(pair, return_url="https://hub.example/pay/abc/return?x=1&y=2")

    assert (asked.attempt_ref, asked.merchant) == (pair.ref, pair.secrets.merchant)
    assert asked.return_url == "https://hub.example/pay/abc/return?x=1&y=2"


@pytest.mark.parametrize("text", TEXTS)
def test_any_description_is_signed_rightly(pair: Pair, text: str) -> None:
    assert opening(pair, description=text).amount_vnd == 150_000


def test_no_secret_is_in_the_first_thing_sent(pair: Pair) -> None:
    connector = pair.connector
    if connector.build_redirect is None:
        pytest.skip("the bank is asked first")

    url = connector.build_redirect(session_ask(attempt_ref=pair.ref), pair.secrets).redirect_url

    assert not [value for value in pair.secrets.values.values() if value in url]
