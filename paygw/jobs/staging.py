"""Files that were received are read in a process apart, then staged whole or refused with line and reason."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from itertools import count, groupby
from typing import Final
from uuid import UUID

from paygw.hub import intake
from paygw.hub.filed import Filed, FiledLine, filed_lines, memo_place
from paygw.hub.hub import Hub
from paygw.hub.intake import Became, Part
from paygw.jobs.reading import ReadLine, bounds_for, read_apart, read_pieces
from paygw.jobs.spool import Spool
from paygw.store.files import ClaimedFile, LineRow, Reason, StatementRow
from reconciliation.model import Status
from reconciliation.statements.errors import BadFile
from reconciliation.statements.profile import Profile
from reconciliation.statements.read import find_profile
from reconciliation.statements.staged import VIETNAM, Direction, LineKind, StagedFile, StagedLine, Statement
from reconciliation.statements.table import Given

_FILES_MAX: Final = 20
_log = logging.getLogger("paygw.files")


async def stage_received(hub: Hub) -> int:
    """Read and stage what waits, a bounded number of files. Returns 1 if there may be more."""
    for _ in range(_FILES_MAX):
        if await stage_next(hub) is None:
            return 0
    return 1


async def stage_next(hub: Hub) -> Became | None:
    """Read and stage the oldest file that waits; None when there is none."""
    claimed = await intake.claim(hub)
    return None if claimed is None else await _stage(hub, claimed)


async def stage_file(hub: Hub, file_id: str) -> None:
    """Read and stage one file now, unless that is decided; a reader that died holds nobody up."""
    claimed = await intake.claim(hub, file_id)
    if claimed is not None:
        await _stage(hub, claimed)


async def read_unkept(hub: Hub, data: bytes, profile: str, given: Given) -> StagedFile:
    """Read bytes apart like any file, and keep nothing. Raises BadFile."""
    return await read_apart(data, profile_of(hub, profile), given, bounds_for(hub.settings, len(data)))


async def _stage(hub: Hub, file: ClaimedFile) -> Became:
    with Spool(hub.settings.var) as spool:
        try:
            staged = await read_into(hub, file, spool)
        except BadFile as bad:
            await intake.refuse(hub, file.id, reason_of(bad))
            became: Became = "refused"
            _log.warning("file_refused", extra={"bank": file.bank, "code": bad.code})
        else:
            became = await intake.stage(hub, file.id, parts_of(file, staged, spool))
    hub.observe.count("paygw_files_total", bank=file.bank, outcome=became)
    return became


async def read_into(hub: Hub, file: ClaimedFile, spool: Spool) -> StagedFile:
    """Read a file apart; its lines wait in the spool. Raises BadFile, also for a day that is still to come."""
    place = count(1)

    def keep(read: Sequence[ReadLine]) -> None:
        for n, lines in groupby(read, lambda one: one.statement_n):
            spool.add([_line_row(hub, file.id, n, next(place), one) for one in lines])

    given = Given(account=file.account, day=file.day, sequence=file.sequence)
    content = intake.content_of(hub, file)
    staged = await read_pieces(
        content, profile_of(hub, file.profile), given, keep, bounds_for(hub.settings, file.size_bytes)
    )
    tomorrow = hub.clock().astimezone(VIETNAM).date() + timedelta(days=1)
    for one in staged.statements:
        if one.day > tomorrow:
            raise BadFile("day_future", said=one.day.isoformat())
    return staged


async def staged_of_day(hub: Hub, statement: Filed) -> list[StagedLine]:
    """The lines of a statement as they were read, all of them."""
    return [_staged(line) for line in await filed_lines(hub, statement)]


def profile_of(hub: Hub, name: str) -> Profile:
    """A profile by name, shipped or the operator's. Raises BadFile `profile`."""
    folder = hub.settings.file_profiles
    return find_profile(name, *([folder] if folder is not None else []))


def reason_of(bad: BadFile) -> Reason:
    """A refusal as it is kept."""
    return Reason(code=bad.code, line=bad.line, vi=bad.vi(), en=bad.en())


def parts_of(file: ClaimedFile, staged: StagedFile, spool: Spool) -> list[Part]:
    """A file that was read, as rows; lines are taken from the spool when they are asked for."""
    return [Part(_statement_row(file, one, n), partial(spool.rows, n)) for n, one in enumerate(staged.statements, 1)]


def _statement_row(file: ClaimedFile, statement: Statement, n: int) -> StatementRow:
    made = statement.made
    return StatementRow(
        file_id=file.id,
        n=n,
        bank=file.bank,
        kind=statement.kind,
        account=statement.account,
        day=statement.day,
        part=statement.part,
        number=statement.number,
        sequence=statement.sequence or file.sequence,
        opening_vnd=statement.opening_vnd,
        closing_vnd=statement.closing_vnd,
        credit_vnd=made.credit_vnd,
        debit_vnd=made.debit_vnd,
        lines=made.lines,
        pending=statement.pending,
        content_hash=made.content,
    )


def _line_row(hub: Hub, file_id: UUID, statement_n: int, place: int, read: ReadLine) -> LineRow:
    line = read.line
    return LineRow(
        file_id=file_id,
        statement_n=statement_n,
        n=place,
        line=line.line,
        key=read.key,
        bank_txn_id=line.bank_txn_id,
        ref=line.ref,
        kind=line.kind,
        direction=line.direction,
        amount_vnd=line.amount_vnd,
        fee_vnd=line.fee_vnd,
        status=line.status,
        booked_at=line.booked_at,
        value_date=line.value_date,
        settled_on=line.settled_on,
        balance_vnd=line.balance_vnd,
        virtual_account=line.virtual_account,
        memo=hub.vault.seal(line.memo.encode(), where=memo_place(file_id, place)) if line.memo else None,
    )


def _staged(line: FiledLine) -> StagedLine:
    row = line.row
    return StagedLine(
        line=row.line,
        account=line.account,
        bank_txn_id=row.bank_txn_id,
        ref=row.ref,
        kind=LineKind(row.kind),
        direction=Direction(row.direction),
        amount_vnd=row.amount_vnd,
        fee_vnd=row.fee_vnd,
        status=Status(row.status),
        booked_at=row.booked_at,
        value_date=row.value_date,
        memo=line.memo,
        balance_vnd=row.balance_vnd,
        virtual_account=row.virtual_account,
        settled_on=row.settled_on,
    )
