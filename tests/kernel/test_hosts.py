"""Which hosts of providers belong to the other mode."""

import pytest

from connectors import discover
from paygw.kernel.hosts import Mode, host_of_other_mode

TEST = [
    "https://sandbox.vnpayment.vn",
    "https://test-payment.momo.vn",
    "https://sb-openapi.zalopay.vn",
    "https://mtf.onepay.vn",
]
LIVE = [
    "https://pay.vnpay.vn",
    "https://payment.momo.vn",
    "https://openapi.zalopay.vn",
    "https://onepay.vn",
    "https://api-merchant.payos.vn",
]


def _found(address: str, mode: Mode) -> bool:
    return bool(host_of_other_mode([address], discover().values(), mode))


@pytest.mark.parametrize("address", TEST)
def test_a_test_host_is_for_test_mode_only(address: str) -> None:
    assert (_found(address, "live"), _found(address, "test")) == (True, False)


@pytest.mark.parametrize("address", LIVE)
def test_a_live_host_is_for_live_mode_only(address: str) -> None:
    assert (_found(address, "live"), _found(address, "test")) == (False, True)


@pytest.mark.parametrize(
    "address",
    [
        "https://SANDBOX.vnpayment.vn/paymentv2",
        "https://sandbox.vnpayment.vn.:443/",
        "https://api.sandbox.vnpayment.vn",
        "http://user@mtf.onepay.vn:8443",
    ],
)
def test_another_spelling_of_a_host_is_the_same_host(address: str) -> None:
    assert _found(address, "live")


@pytest.mark.parametrize("address", ["https://notsandbox.vnpayment.vn.example", "http://127.0.0.1:9700/momo", "", "x"])
@pytest.mark.parametrize("mode", ["test", "live"])
def test_what_no_provider_lists_is_the_operators_business(address: str, mode: Mode) -> None:
    assert not _found(address, mode)


@pytest.mark.parametrize("connector", discover().values(), ids=lambda connector: connector.name)
def test_no_host_is_listed_for_both_modes_or_in_a_way_that_never_fits(connector: object) -> None:
    test, live = getattr(connector, "test_hosts", ()), getattr(connector, "live_hosts", ())

    assert not {*test} & {*live}
    assert all(host == host.lower().strip(".") and "/" not in host and ":" not in host for host in (*test, *live))
