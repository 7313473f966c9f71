"""Where callbacks may not go: URL rules, address rules, and a name server that lies the second time."""

import asyncio
import socket
from collections.abc import Sequence

import aiohttp
import pytest
from aiohttp import web

from paygw.outside.addresses import ForbiddenAddress, GuardedResolver, Lookup, judge_address, read_target

_FORBIDDEN_URLS = (
    "http://portal.example.gov.vn/cb",
    "ftp://portal.example.gov.vn/cb",
    "//portal.example.gov.vn/cb",
    "https:///cb",
    "https://",
    "not a url",
    "https://user@portal.example.gov.vn/cb",
    "https://user:word@portal.example.gov.vn/cb",
    "https://@portal.example.gov.vn/cb",
    "https://portal.example.gov.vn\\@evil.example/cb",
    "https://portal.example.gov.vn/c b",
    "https://portal.example.gov.vn/cb\r\nx: y",
    "https://portal.example.gov.vn/\x00",
    "https://portal.example.gov.vn/cb#part",
    "https://portal.example.gov.vn:0/cb",
    "https://portal.example.gov.vn:99999/cb",
    "https://localhost/cb",
    "https://localhost./cb",
    "https://intranet/cb",
    "https://-bad-.example/cb",
    "https://127.0.0.1/cb",
    "https://127.1/cb",
    "https://2130706433/cb",
    "https://0x7f000001/cb",
    "https://0177.0.0.1/cb",
    "https://127.0.0.1./cb",
    "https://0.0.0.0/cb",
    "https://10.1.2.3/cb",
    "https://172.16.0.9/cb",
    "https://192.168.1.1/cb",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1/cb",
    "https://[::1]/cb",
    "https://[::ffff:127.0.0.1]/cb",
    "https://[::ffff:a00:1]/cb",
    "https://[64:ff9b::7f00:1]/cb",
    "https://[fe80::1]/cb",
    "https://[fd00:ec2::254]/cb",
    "https://[2002:7f00:1::]/cb",
    "https://\uff11\uff12\uff17.0.0.1/cb",
    "https://portal.example/" + "a" * 2_000,
)
_FORBIDDEN_ADDRESSES = (
    "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.255.0.1", "168.63.129.16", "169.254.169.254",
    "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255",
    "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:10.0.0.1", "::ffff:8.8.8.8.8", "::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1",
    "2001::1", "2001:2::1", "2001:db8::1", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1",
    "fe80::1", "fe80::1%eth0", "2606:4700::1%eth0", "fec0::1", "ff02::1", "localhost", "",
)  # fmt: skip
_PUBLIC = ("8.8.8.8", "1.1.1.1", "203.113.131.1", "::ffff:8.8.8.8", "2606:4700:4700::1111", "2405:4800::1")


@pytest.mark.parametrize("url", _FORBIDDEN_URLS)
def test_forbidden_url_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenAddress):
        read_target(url)


@pytest.mark.parametrize("address", _FORBIDDEN_ADDRESSES)
def test_forbidden_address_is_refused(address: str) -> None:
    with pytest.raises(ForbiddenAddress):
        judge_address(address)


@pytest.mark.parametrize("address", _PUBLIC)
def test_public_address_is_let_through(address: str) -> None:
    judge_address(address)


def test_vietnamese_name_is_normalised_to_its_ascii_form() -> None:
    target = read_target("https://Cổng.Example.VN:8443/nhận?a=1")

    assert (target.host, target.port) == ("xn--cng-qmz.example.vn", 8443)
    assert str(target.url) == "https://xn--cng-qmz.example.vn:8443/nh%E1%BA%ADn?a=1"


def test_development_pair_opens_that_host_and_port_only() -> None:
    allow = frozenset({"127.0.0.1:9001"})

    assert read_target("http://127.0.0.1:9001/cb", allow=allow).open
    for url in ("http://127.0.0.1:9002/cb", "http://127.0.0.2:9001/cb", "https://127.0.0.1/cb"):
        with pytest.raises(ForbiddenAddress):
            read_target(url, allow=allow)


@pytest.mark.parametrize("hidden", ["127.0.0.1", "::1", "10.0.0.5", "::ffff:192.168.0.1"])
async def test_one_private_address_among_public_ones_refuses_the_name(hidden: str) -> None:
    resolver = GuardedResolver(_answers(("8.8.8.8", hidden, "1.1.1.1")))

    with pytest.raises(ForbiddenAddress):
        await resolver.resolve("portal.example", 443)


async def test_resolver_hands_out_the_addresses_it_judged() -> None:
    resolver = GuardedResolver(_answers(("8.8.8.8", "2606:4700:4700::1111")))

    found = await resolver.resolve("portal.example", 443)

    assert [(item["hostname"], item["host"], item["family"]) for item in found] == [
        ("portal.example", "8.8.8.8", socket.AF_INET),
        ("portal.example", "2606:4700:4700::1111", socket.AF_INET6),
    ]


@pytest.mark.net
async def test_rebinding_name_never_reaches_the_loopback() -> None:
    """Every other answer is private: the judged answer is the one connected to, so the loopback server stays silent."""
    reached: list[str] = []

    async def catch(request: web.Request) -> web.Response:
        reached.append(request.path)
        return web.Response()

    turns = iter([("8.8.8.8",), ("127.0.0.1",)] * 4)

    async def lying(host: str, port: int) -> Sequence[str]:
        return next(turns)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", catch)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    connector = aiohttp.TCPConnector(resolver=GuardedResolver(lying), use_dns_cache=False)
    async with aiohttp.ClientSession(connector=connector) as session:
        for _ in range(8):
            with pytest.raises((ForbiddenAddress, TimeoutError, aiohttp.ClientError)):
                async with asyncio.timeout(0.3):
                    await session.get(f"http://rebinding.example:{port}/")
    await runner.cleanup()

    assert reached == []


def _answers(addresses: Sequence[str]) -> Lookup:
    async def lookup(host: str, port: int) -> Sequence[str]:
        return addresses

    return lookup
