"""Finance brings files over the API and reads what became of them."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from hashlib import sha256

import pytest

from paygw.app import create_app
from paygw.hub.hub import Hub, RegistryHolder
from paygw.hub.intake import FILE_BYTES_MAX
from paygw.hub.registry import ApiKey, Registry, key_digest, key_prefix
from paygw.jobs.staging import stage_received
from paygw.web.edge import Edge
from paygw.web.portal_api.files import _SEATS
from paygw.web.portal_api.models import FilePage, FileView
from tests.jobs.test_staging import statement
from tests.web.asgi import Got, call
from tests.web.test_portal_api import is_a, problem

pytestmark = pytest.mark.db

KEY, PORTAL_KEY = "sk_test_finance0abcdef", "sk_test_portal00abcdef"
FOR = "/v1/files?bank=sandbox-a&profile=sandbox-statement"


@dataclass(frozen=True, slots=True)
class Desk:
    """The finance desk's programme."""

    app: Edge
    hub: Hub

    async def get(self, target: str) -> Got:
        """Read."""
        return await call(self.app, "GET", target, headers={"Authorization": f"Bearer {KEY}"})

    async def bring(self, data: bytes, target: str = FOR, **headers: str) -> Got:
        """Bring a file; header names have _ for -."""
        said = {
            "Authorization": f"Bearer {KEY}",
            "Content-Type": "text/csv",
            "Idempotency-Key": sha256(data).hexdigest(),
        }
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await call(self.app, "POST", target, body=data, headers={k: v for k, v in said.items() if v})


@pytest.fixture
def desk(hub: Hub) -> Desk:
    """A hub that knows a finance key and a portal's."""
    keys = {
        key_prefix(key): ApiKey(key_prefix(key), key_digest(key), portal, frozenset({scope}), None)
        for key, portal, scope in ((KEY, None, "finance"), (PORTAL_KEY, "hanoi", "portal"))
    }
    now = hub.registry
    known = replace(hub, registry_holder=RegistryHolder(Registry(portals=now.portals, keys=keys, banks=now.banks)))
    return Desk(create_app(known), known)


async def test_a_file_is_brought_read_and_seen(desk: Desk) -> None:
    brought = is_a(FileView, await desk.bring(statement(100, 200), f"{FOR}&name=sao-ke.csv&day=2026-11-20"), 201)
    await stage_received(desk.hub)

    seen = is_a(FileView, await desk.get(f"/v1/files/{brought.id}"))
    page = is_a(FilePage, await desk.get("/v1/files?state=staged&bank=sandbox-a"))

    assert (brought.state, brought.source, brought.name) == ("received", "api", "sao-ke.csv")
    assert (seen.state, seen.lines, seen.credit_vnd, seen.brought_by) == ("staged", 2, 300, f"key:{key_prefix(KEY)}")
    assert [one.id for one in page.items] == [brought.id]


async def test_a_refused_file_points_to_its_line(desk: Desk) -> None:
    brought = is_a(FileView, await desk.bring(statement(100).replace(b",100,", b",1OO,")), 201)
    await stage_received(desk.hub)

    seen = is_a(FileView, await desk.get(f"/v1/files/{brought.id}"))

    assert seen.problem is not None
    assert [(one.pointer, one.code) for one in seen.problem.errors] == [("/lines/2", "amount")]
    assert seen.problem.detail.startswith("Dòng 2:")
    assert seen.problem.detail_en.startswith("Line 2:")


async def test_the_same_request_is_answered_the_same(desk: Desk) -> None:
    first, again = [await desk.bring(statement(100)) for _ in range(2)]

    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["idempotent-replayed"] == "true"


async def test_the_same_key_with_another_file_is_refused(desk: Desk) -> None:
    await desk.bring(statement(100), Idempotency_Key="k")

    problem(await desk.bring(statement(200), Idempotency_Key="k"), 422, "idempotency_mismatch")


async def test_the_same_file_with_another_key_is_the_same_file(desk: Desk) -> None:
    first = is_a(FileView, await desk.bring(statement(100), Idempotency_Key="a"), 201)

    again = is_a(FileView, await desk.bring(statement(100), Idempotency_Key="b"), 201)

    assert again.id == first.id


@pytest.mark.parametrize(
    ("target", "headers", "status", "code"),
    [
        (FOR.replace("sandbox-a", "nobody"), {}, 422, "bank_unknown"),
        (FOR.replace("bank=sandbox-a&", ""), {}, 400, "bad_parameter"),
        (f"{FOR}&name=../../etc/passwd", {}, 400, "bad_parameter"),
        (f"{FOR}&day=2026-13-01", {}, 422, "bad_time"),
        (f"{FOR}&sequence=0", {}, 400, "bad_parameter"),
        (FOR.replace("sandbox-statement", "../x"), {}, 400, "bad_parameter"),
        (FOR, {"Content_Type": "application/json"}, 415, "unsupported_media_type"),
        (FOR, {"Content_Encoding": "gzip"}, 415, "unsupported_media_type"),
        (FOR, {"Idempotency_Key": ""}, 400, "idempotency_key_missing"),
        (FOR, {"Content_Length": str(FILE_BYTES_MAX + 1)}, 413, "too_large"),
        (FOR, {"Authorization": f"Bearer {PORTAL_KEY}"}, 403, "forbidden"),
        (FOR, {"Authorization": ""}, 401, "unauthenticated"),
    ],
)
async def test_a_wrong_upload_is_a_problem(
    desk: Desk, target: str, headers: dict[str, str], status: int, code: str
) -> None:
    problem(await desk.bring(statement(100), target, **headers), status, code)


async def test_an_empty_file_is_a_problem(desk: Desk) -> None:
    problem(await desk.bring(b""), 422, "file_empty")


async def test_a_body_that_grows_too_large_is_cut_off(desk: Desk) -> None:
    problem(await desk.bring(b"x" * (FILE_BYTES_MAX + 1)), 413, "too_large")


async def test_a_file_nobody_brought_is_not_found(desk: Desk) -> None:
    problem(await desk.get(f"/v1/files/fil_{'0' * 32}"), 404, "not_found")


async def test_more_uploads_at_once_than_seats_are_told_to_come_again(desk: Desk) -> None:
    async with AsyncExitStack() as taken:
        while not _SEATS.locked():
            await taken.enter_async_context(_SEATS)

        busy = await desk.bring(statement(100))

    said = problem(busy, 503, "unavailable")
    assert busy.headers["retry-after"]
    assert "again" in str(said["detail"])
    is_a(FileView, await desk.bring(statement(100)), 201)
