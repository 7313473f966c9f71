"""Files from bytes to staged lines: whole or not at all, once, and replaced by newer ones."""

import asyncio
import io
import os
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from paygw.hub import intake
from paygw.hub.filed import filed, filed_lines, find_files, get_file, missing_files
from paygw.hub.hub import Hub
from paygw.hub.intake import FileAsk, receive_file
from paygw.jobs.spool import Spool
from paygw.jobs.staging import parts_of, profile_of, read_into, stage_next, stage_received, staged_of_day
from paygw.kernel.errors import Alarm, Refused
from paygw.outside.sources import Source
from paygw.store.files import ClaimedFile
from reconciliation.statements.read import SHIPPED

pytestmark = pytest.mark.db

DAY = date(2026, 11, 20)
HEAD = "account,bank_txn_id,direction,amount_vnd,balance_vnd,booked_at,ref,memo\r\n"


def statement(*amounts: int, opening: int = 0, day: date = DAY, mark: str = "T", memo: str = "NGUYEN VAN A") -> bytes:
    """A statement of the pretend bank: a credit per amount."""
    balance, rows = opening, ""
    for n, amount in enumerate(amounts, 1):
        balance += amount
        rows += f"1020304050,{mark}{n},credit,{amount},{balance},{day}T08:00:{n % 60:02}+07:00,A-{n},{memo}\r\n"
    return f"{HEAD}{rows}TRAILER,{len(amounts)},,{sum(amounts)},{balance},{day},{opening},\r\n".encode()


def ask(data: bytes, *, sequence: int = 0, bank: str = "sandbox-a", profile: str = "sandbox-statement") -> FileAsk:
    """A file brought by hand."""
    return FileAsk(
        bank=bank, profile=profile, data=data, name="sao-ke.csv", source="cli", by="operator", sequence=sequence
    )


async def brought(hub: Hub, data: bytes, *, sequence: int = 0, profile: str = "sandbox-statement") -> tuple[str, str]:
    """Bring a file and read what waits; its id and what became of it."""
    received = await receive_file(hub, ask(data, sequence=sequence, profile=profile))
    await stage_received(hub)
    view = await get_file(hub, received.id)
    return received.id, str(view["state"])


async def amounts(hub: Hub, day: date = DAY) -> list[int]:
    """The amounts that count for a day."""
    statements = await filed(hub, bank="sandbox-a", kind="statement", day=day)
    return [line.row.amount_vnd for one in statements for line in await filed_lines(hub, one)]


async def test_a_file_is_staged_with_its_lines_and_sums(hub: Hub) -> None:
    file_id, state = await brought(hub, statement(100, 200))

    (one,) = await filed(hub, bank="sandbox-a", kind="statement", day=DAY, account="1020304050")
    view = await get_file(hub, file_id)
    lines = await filed_lines(hub, one)

    assert state == "staged"
    assert (one.lines, one.credit_vnd, one.opening_vnd, one.closing_vnd, one.chain) == (2, 300, 0, 300, "first")
    assert (view["lines"], view["credit_vnd"], view["problem"]) == (2, 300, None)
    assert [(line.key, line.memo) for line in lines] == [("payment:T1", "NGUYEN VAN A"), ("payment:T2", "NGUYEN VAN A")]


async def test_matching_gets_the_lines_of_a_day(hub: Hub) -> None:
    await brought(hub, statement(100, 200))
    (one,) = await filed(hub, bank="sandbox-a", kind="statement", day=DAY)

    lines = [line.to_line() for line in await staged_of_day(hub, one)]

    assert [(line.ref, line.bank_txn_id, line.amount_vnd, line.account) for line in lines if line is not None] == [
        ("A-1", "T1", 100, "1020304050"),
        ("A-2", "T2", 200, "1020304050"),
    ]


async def test_names_and_memos_are_not_readable_in_the_database(hub: Hub) -> None:
    await brought(hub, statement(100))

    async with hub.pool.acquire() as connection:
        (content,) = await connection.fetchrow("SELECT content FROM bank_files")
        (memo,) = await connection.fetchrow("SELECT memo FROM file_lines")

    assert b"NGUYEN" not in content
    assert b"NGUYEN" not in memo


async def test_the_same_bytes_again_are_the_same_file(hub: Hub) -> None:
    first, _ = await brought(hub, statement(100))

    again, state = await brought(hub, statement(100))

    assert (again, state) == (first, "staged")
    assert await amounts(hub) == [100]


async def test_the_same_content_in_other_bytes_changes_nothing(hub: Hub) -> None:
    await brought(hub, statement(100))

    _, state = await brought(hub, statement(100).replace(b"\r\n", b"\n"))

    assert state == "superseded"
    assert await amounts(hub) == [100]


async def test_a_newer_file_takes_the_place_of_the_one_before(hub: Hub) -> None:
    first, _ = await brought(hub, statement(100))

    second, state = await brought(hub, statement(100, 200))

    assert state == "staged"
    assert (await get_file(hub, first))["state"] == "superseded"
    assert await amounts(hub) == [100, 200]
    async with hub.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM cases WHERE key LIKE 'file:%'") == 0
    assert second != first


async def test_a_newer_file_that_takes_a_line_back_opens_a_case(hub: Hub) -> None:
    await brought(hub, statement(100, 200))

    await brought(hub, statement(100, 250))

    async with hub.pool.acquire() as connection:
        detail = await connection.fetchval("SELECT detail FROM cases WHERE key LIKE 'file:%'")
    assert detail == "1 lines of statement 2026-11-20 were withdrawn or changed by a file sent again"
    assert await amounts(hub) == [100, 250]


async def test_an_older_sequence_that_comes_late_is_put_aside(hub: Hub) -> None:
    await brought(hub, statement(100, 200), sequence=2)

    late, state = await brought(hub, statement(100), sequence=1)

    assert state == "superseded"
    assert (await get_file(hub, late))["problem"]["code"] == "older"
    assert await amounts(hub) == [100, 200]


async def test_one_sequence_with_two_contents_is_refused(hub: Hub) -> None:
    await brought(hub, statement(100), sequence=1)

    taken, state = await brought(hub, statement(150), sequence=1)

    assert state == "refused"
    assert (await get_file(hub, taken))["problem"]["code"] == "sequence_taken"
    assert await amounts(hub) == [100]


async def test_a_bad_file_is_refused_with_line_and_both_languages(hub: Hub) -> None:
    file_id, state = await brought(hub, statement(100, 200).replace(b",200,", b",2O0,"))

    problem = (await get_file(hub, file_id))["problem"]
    assert state == "refused"
    assert problem["errors"] == [{"pointer": "/lines/3", "code": "amount"}]
    assert problem["detail"] == "Dòng 3: Không phải số tiền nguyên đồng: 2O0."
    assert problem["detail_en"] == "Line 3: Not an amount in whole đồng: 2O0."
    assert await amounts(hub) == []


async def test_a_refused_file_can_be_read_again(hub: Hub) -> None:
    file_id, _ = await brought(hub, statement(100), profile="no-such-profile")

    await intake.again(hub, file_id)

    assert (await get_file(hub, file_id))["state"] == "received"
    with pytest.raises(Refused, match="file_state"):
        await intake.again(hub, file_id)


async def test_lines_that_do_not_make_their_sums_leave_nothing(hub: Hub, tmp_path: Path) -> None:
    await receive_file(hub, ask(statement(100, 200)))
    file = await intake.claim(hub)
    assert file is not None
    with Spool(tmp_path) as spool:
        (part,) = parts_of(file, await read_into(hub, file, spool), spool)
        cut = intake.Part(part.row, lambda: iter(list(part.lines())[:1]))

        with pytest.raises(Alarm, match="not staged as it was read"):
            await intake.stage(hub, file.id, [cut])

    async with hub.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM file_lines") == 0
        assert await connection.fetchval("SELECT state FROM bank_files") == "received"


async def test_two_readers_stage_a_file_once(hub: Hub, tmp_path: Path) -> None:
    await receive_file(hub, ask(statement(100, 200)))
    file = await intake.claim(hub)
    assert file is not None
    with Spool(tmp_path) as spool:
        parts = parts_of(file, await read_into(hub, file, spool), spool)

        became = await asyncio.gather(*(intake.stage(hub, file.id, parts) for _ in range(3)))

    assert sorted(became) == ["decided", "decided", "staged"]
    assert await amounts(hub) == [100, 200]


async def test_versions_of_a_day_brought_at_once_leave_one_that_counts(hub: Hub) -> None:
    for count in range(1, 5):
        await receive_file(hub, ask(statement(*range(100, 100 + count)), sequence=count))

    while any(await asyncio.gather(*(stage_next(hub) for _ in range(3)))):
        pass

    assert await amounts(hub) == [100, 101, 102, 103]
    assert [view["state"] for view in (await find_files(hub, limit=10))["items"]].count("staged") == 1


@pytest.mark.parametrize(
    ("opening", "chain"),
    [(300, "whole"), (299, "differs")],
)
async def test_a_day_joins_the_day_before_by_its_balance(hub: Hub, opening: int, chain: str) -> None:
    await brought(hub, statement(100, 200))
    after = date(2026, 11, 21)

    await brought(hub, statement(50, opening=opening, day=after))

    (one,) = await filed(hub, bank="sandbox-a", kind="statement", day=after)
    assert one.chain == chain


async def test_a_missing_statement_number_is_a_gap(hub: Hub) -> None:
    for number, day, opening, closing in ((15, "260115", 0, 100), (17, "260117", 100, 200)):
        text = (
            f":20:X\n:25:001100\n:28C:{number}/1\n:60F:C{day}VND{opening},\n:61:{day}C100,NTRFNONREF//T{number}\n"
            f":86:x\n:62F:C{day}VND{closing},\n"
        )
        assert (await brought(hub, text.encode(), profile="mt940"))[1] == "staged"

    (one,) = await filed(hub, bank="sandbox-a", kind="statement", day=date(2026, 1, 17))

    assert (one.number, one.chain) == (17, "gap")


async def test_missing_files_are_known_and_late_after_their_hour(hub: Hub) -> None:
    source = Source(id="a", bank="sandbox-a", profile="sandbox-statement", expected="working_days")
    await brought(hub, statement(100).replace(b",100,", b",1OO,"))

    (missing,) = await missing_files(hub, [source], DAY)

    assert (missing.source, missing.kind, missing.late) == ("a", "statement", True)
    assert missing.due_at.isoformat() == "2026-11-23T09:00:00+07:00"
    assert "Dòng 2" in missing.refused


async def test_nothing_is_missing_on_a_day_off_or_once_staged(hub: Hub) -> None:
    source = Source(id="a", bank="sandbox-a", profile="sandbox-statement", expected="working_days")
    await brought(hub, statement(100))

    assert await missing_files(hub, [source], DAY) == []
    assert await missing_files(hub, [source], date(2026, 11, 21)) == []


async def test_a_transfer_between_two_accounts_of_one_file_is_a_line_of_both(hub: Hub) -> None:
    text = "".join(
        f":20:X\n:25:{account}\n:28C:1/1\n:60F:C260115VND{opening},\n:61:260115{mark}100,NTRFNONREF//FT1\n"
        f":62F:C260115VND{closing},\n"
        for account, mark, opening, closing in (("001100", "D", 100, 0), ("002200", "C", 0, 100))
    )

    _, state = await brought(hub, text.encode(), profile="mt940")

    assert state == "staged"
    for account in ("001100", "002200"):
        (one,) = await filed(hub, bank="sandbox-a", kind="statement", day=date(2026, 1, 15), account=account)
        assert [line.row.bank_txn_id for line in await filed_lines(hub, one)] == ["FT1"]


async def test_a_file_of_a_day_to_come_is_refused(hub: Hub) -> None:
    day = hub.clock().date() + timedelta(days=2)

    file_id, state = await brought(hub, statement(100, day=day))

    assert (state, (await get_file(hub, file_id))["problem"]["code"]) == ("refused", "day_future")


async def test_files_are_listed_newest_first_and_paged(hub: Hub) -> None:
    for day in range(1, 4):
        await brought(hub, statement(100, day=date(2026, 11, day)))

    first = await find_files(hub, limit=2)
    rest = await find_files(hub, after=first["next"], limit=2)

    ids = [view["id"] for view in (*first["items"], *rest["items"])]
    assert (len(ids), len(set(ids)), rest["next"]) == (3, 3, None)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (ask(b""), "file_empty"),
        (ask(b"x", bank="nobody"), "bank_unknown"),
        (ask(b"x" * (intake.FILE_BYTES_MAX + 1)), "too_large"),
    ],
)
async def test_what_cannot_be_kept_is_refused(hub: Hub, wrong: FileAsk, code: str) -> None:
    with pytest.raises(Refused) as caught:
        await receive_file(hub, wrong)

    assert caught.value.code == code


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE bank_files SET content = 'x'",
        "UPDATE bank_files SET state = 'received', decided_at = NULL",
        "UPDATE bank_files SET digest = repeat('0', 64)",
        "UPDATE file_statements SET credit_vnd = 0",
        "UPDATE file_statements SET closing_vnd = 0, superseded_by = file_id",
    ],
)
async def test_what_came_in_is_never_rewritten(hub: Hub, change: str) -> None:
    await brought(hub, statement(100))

    async with hub.pool.acquire() as connection:
        with pytest.raises(asyncpg.RestrictViolationError):
            await connection.execute(change)


@pytest.mark.parametrize("table", ["bank_files", "bank_file_pieces", "file_statements", "file_lines"])
async def test_what_came_in_is_never_removed(hub: Hub, table: str) -> None:
    async with hub.pool.acquire() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"DELETE FROM {table}")  # noqa: S608 - one of four names


async def test_a_file_of_several_pieces_is_kept_and_staged_whole(hub: Hub, tmp_path: Path) -> None:
    shipped = (SHIPPED / "sandbox-statement.yaml").read_text().replace("sandbox-statement", "large")
    (tmp_path / "large.yaml").write_text(f"{shipped}limits: {{mib: 30}}\n")
    patient = replace(hub, settings=hub.settings.model_copy(update={"file_profiles": tmp_path, "var": tmp_path}))
    data = statement(*range(1, 5_501), memo="x" * 4_000)
    bytes_max = profile_of(patient, "large").limits.bytes_max
    given = replace(ask(data, profile="large"), data=io.BytesIO(data), bytes_max=bytes_max)

    received = await receive_file(patient, given)
    await stage_received(patient)

    view = await get_file(patient, received.id)
    assert (view["state"], view["lines"], view["size_bytes"]) == ("staged", 5_500, len(data))
    file = await _claimed(patient, received.id)
    assert b"".join([piece async for piece in intake.content_of(patient, file)]) == data
    assert [path.name for path in os.scandir(tmp_path)] == ["large.yaml"]


async def test_a_file_beyond_its_profile_is_refused(hub: Hub) -> None:
    with pytest.raises(Refused, match="too_large"):
        await receive_file(hub, replace(ask(b"x" * 101), bytes_max=100))


async def _claimed(hub: Hub, file_id: str) -> ClaimedFile:
    """A file as a reader sees it, whatever became of it."""
    async with hub.pool.acquire() as connection:
        row = await connection.fetchrow(
            "SELECT id, bank, profile, account, day, sequence, size_bytes, content FROM bank_files WHERE id = $1",
            UUID(file_id),
        )
    return ClaimedFile(**dict(row))


async def test_a_large_day_is_staged_whole(hub: Hub) -> None:
    count = 20_000
    rows = "".join(
        f"A-{n},T{n},payment,1000,0,succeeded,2026-11-20T08:00:00+07:00,2026-11-21\r\n" for n in range(count)
    )
    head = "ref,bank_txn_id,kind,amount_vnd,fee_vnd,status,occurred_at,settled_on\r\n"
    data = f"{head}{rows}TRAILER,{count},,{count * 1000},0,,,2026-11-21\r\n".encode()

    file_id, state = await brought(hub, data, profile="sandbox-settlement")

    assert state == "staged"
    assert (await get_file(hub, file_id))["lines"] == count
    assert UUID(file_id).version == 7
