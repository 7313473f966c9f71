"""One callback over a real socket: signature, deadline, caps, redirects, TLS names, what each answer means."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook

from paygw.outside.callbacks import Callback, Limits, Outcome, Sender, Sent, judge_status, read_retry_after

pytestmark = pytest.mark.net

_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_BODY = '{"type":"order.paid","data":{"note":"Phí trước bạ"}}'.encode()
_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]


@asynccontextmanager
async def _receiver(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A bare server that hands each request (head and body) to `answer`; yields its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await answer(reader, writer, head + await reader.readexactly(len(_BODY)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


def _says(raw: bytes, seen: list[bytes] | None = None) -> Answer:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        if seen is not None:
            seen.append(request)
        writer.write(raw)

    return answer


def _limits(port: int, deadline_s: float = 5.0) -> Limits:
    return Limits(deadline_s=deadline_s, reply_max_bytes=65_536, concurrency=4, allow=frozenset({f"127.0.0.1:{port}"}))


async def _send(port: int, *, deadline_s: float = 5.0, path: str = "/cb", tries: int = 1) -> list[Sent]:
    async with Sender(_limits(port, deadline_s), clock=lambda: datetime.now(UTC)) as sender:
        return [await sender.send(_callback(f"http://127.0.0.1:{port}{path}")) for _ in range(tries)]


def _callback(url: str, portal_id: str = "hanoi") -> Callback:
    return Callback(portal_id=portal_id, url=url, secrets=(_SECRET,), message_id="evt_1", body=_BODY)


async def test_portal_verifies_exactly_the_bytes_it_got() -> None:
    seen: list[bytes] = []
    async with _receiver(_says(_OK, seen)) as port:
        [sent] = await _send(port, path="/cb?a=1")

    head, _, body = seen[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
    assert (sent.outcome, sent.http_status, lines[0]) == (Outcome.ACCEPTED, 200, "POST /cb?a=1 HTTP/1.1")
    assert Webhook(_SECRET).verify(body, headers)["type"] == "order.paid"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.ACCEPTED), (204, Outcome.ACCEPTED), (299, Outcome.ACCEPTED), (301, Outcome.REDIRECTED),
        (304, Outcome.REDIRECTED), (308, Outcome.REDIRECTED), (400, Outcome.REFUSED), (401, Outcome.REFUSED),
        (404, Outcome.REFUSED), (410, Outcome.GONE), (429, Outcome.BUSY), (500, Outcome.REFUSED),
        (503, Outcome.BUSY), (199, Outcome.REFUSED), (600, Outcome.REFUSED),
    ],
)  # fmt: skip
def test_status_is_judged(status: int, outcome: Outcome) -> None:
    assert judge_status(status) is outcome


async def test_redirect_is_a_failure_and_is_not_followed() -> None:
    seen: list[bytes] = []
    async with _receiver(_says(b"HTTP/1.1 307 x\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n", seen)) as port:
        [sent] = await _send(port)

    assert (sent.outcome, len(seen)) == (Outcome.REDIRECTED, 1)


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"])
async def test_deadline_covers_silence_headers_and_body(before: bytes) -> None:
    async def stall(_: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        writer.write(before)
        await writer.drain()
        await asyncio.sleep(5)

    async with _receiver(stall) as port:
        [sent] = await _send(port, deadline_s=0.2)

    assert (sent.outcome, sent.http_status) == (Outcome.TIMEOUT, None)


async def test_a_dripping_answer_does_not_stretch_the_deadline() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        for _turn in range(100):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with _receiver(drip) as port:
        [sent] = await _send(port, deadline_s=0.3)

    assert sent.outcome is Outcome.TIMEOUT


async def test_name_server_that_never_answers_meets_the_deadline() -> None:
    async def hang(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return ()

    limits = Limits(deadline_s=0.2, reply_max_bytes=1, concurrency=4)
    async with Sender(limits, clock=lambda: datetime.now(UTC), lookup=hang) as sender:
        sent = await sender.send(_callback("https://portal.example.vn/cb"))

    assert sent.outcome is Outcome.TIMEOUT


async def test_endless_body_is_cut_and_the_status_counts() -> None:
    written = 0

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _turn in range(10_000):
            writer.write(b"x" * 65_536)
            await writer.drain()
            written += 65_536

    async with _receiver(flood) as port:
        [sent] = await _send(port)

    assert sent.outcome is Outcome.ACCEPTED
    assert written < 10_000 * 65_536


@pytest.mark.parametrize("raw", [b"garbage\r\n\r\n", b"HTTP/1.1 999999 x\r\n\r\n", b"HTTP/9 \r\n\r\n", b"\x00" * 64])
async def test_garbage_is_a_failure_not_a_crash(raw: bytes) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        writer.write(raw)
        writer.close()

    async with _receiver(answer) as port:
        [sent] = await _send(port)

    assert sent.outcome in {Outcome.GARBLED, Outcome.UNREACHABLE}


async def test_closed_port_and_hang_up_are_unreachable() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        writer.close()

    async with _receiver(hang_up) as port:
        [hung_up] = await _send(port)
    [closed] = await _send(port)

    assert hung_up.outcome is closed.outcome is Outcome.UNREACHABLE


async def test_retry_after_is_read_from_a_busy_receiver() -> None:
    async with _receiver(_says(b"HTTP/1.1 503 x\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n")) as port:
        [sent] = await _send(port)

    assert (sent.outcome, sent.retry_after_s) == (Outcome.BUSY, 120.0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None), ("", None), ("7", 7.0), ("Thu, 01 Jan 2026 00:01:30 GMT", 90.0), ("soon", None), ("-5", None),
        ("Thu, 01 Jan 2015 00:00:00 GMT", 0.0), ("٣", None), ("9" * 400, 999_999_999.0),
        ("Mon, 99 Foo 20260 99:99:99 GMT", None),
    ],
)  # fmt: skip
def test_retry_after_is_read_or_ignored(text: str | None, seconds: float | None) -> None:
    assert read_retry_after(text, datetime(2026, 1, 1, tzinfo=UTC)) == seconds


async def test_connection_is_kept_for_a_portal_and_never_shared_with_another() -> None:
    peers: list[tuple[str, int]] = []

    async def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        peers.append(writer.get_extra_info("peername"))
        writer.write(_OK)

    async with _receiver(note) as port:
        url = f"http://127.0.0.1:{port}/cb"
        async with Sender(_limits(port), clock=lambda: datetime.now(UTC)) as sender:
            for portal in ("hanoi", "hanoi", "hue", "hue", "hanoi"):
                await sender.send(_callback(url, portal))

    assert peers[0] == peers[1] == peers[4]
    assert peers[2] == peers[3] != peers[0]


async def test_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    async with _receiver(_says(_OK, seen)) as port:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        [sent] = await _send(port)

    assert (sent.outcome, len(seen)) == (Outcome.ACCEPTED, 1)


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/cb", "http://portal.example/cb", "https://user@portal.example/cb", "https://intranet/cb"],
)
async def test_forbidden_url_sends_nothing(url: str) -> None:
    async with Sender(_limits(1), clock=lambda: datetime.now(UTC), lookup=_always("8.8.8.8")) as sender:
        sent = await sender.send(_callback(url))

    assert sent.outcome is Outcome.FORBIDDEN


async def test_name_that_resolves_to_a_private_address_sends_nothing() -> None:
    async with Sender(_limits(1), clock=lambda: datetime.now(UTC), lookup=_always("127.0.0.1")) as sender:
        sent = await sender.send(_callback("https://portal.example.vn/cb"))

    assert sent.outcome is Outcome.FORBIDDEN


async def test_malformed_secret_sends_nothing() -> None:
    seen: list[bytes] = []
    async with _receiver(_says(_OK, seen)) as port, Sender(_limits(port), clock=lambda: datetime.now(UTC)) as sender:
        url = f"http://127.0.0.1:{port}/cb"
        sent = await sender.send(Callback(portal_id="p", url=url, secrets=("x",), message_id="evt_1", body=_BODY))

    assert (sent.outcome, seen) == (Outcome.UNSIGNABLE, [])


@pytest.mark.parametrize(("certified", "outcome"), [("portal.test", "accepted"), ("other.test", "untrusted")])
async def test_tls_is_checked_against_the_name_not_the_address(tmp_path: Path, certified: str, outcome: str) -> None:
    serving, trusting, names = _tls(tmp_path, certified)
    seen: list[bytes] = []
    async with _receiver(_says(_OK, seen), serving) as port:
        limits = Limits(deadline_s=5, reply_max_bytes=9, concurrency=1, allow=frozenset({f"portal.test:{port}"}))
        clock = lambda: datetime.now(UTC)  # noqa: E731 - shorter than a function here
        async with Sender(limits, clock=clock, lookup=_always("127.0.0.1"), tls=trusting) as sender:
            sent = await sender.send(_callback(f"https://portal.test:{port}/cb"))

    assert sent.outcome == outcome
    assert names == ["portal.test"]
    assert [f"host: portal.test:{port}".encode() in request.lower() for request in seen] == [True] * len(seen)


def _always(address: str) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    async def lookup(host: str, port: int) -> Sequence[str]:
        return (address,)

    return lookup


def _tls(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext, list[str | None]]:
    """A serving and a trusting context for one self-made certificate, and the SNI names the server will see."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    alternatives = [x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "both.pem"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(pem + certificate.public_bytes(Encoding.PEM))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(file)
    names: list[str | None] = []
    serving.sni_callback = lambda _socket, asked, _context: names.append(asked)
    return serving, ssl.create_default_context(cadata=certificate.public_bytes(Encoding.PEM).decode()), names
