"""A night joined to the world: files from the bank over HTTP or from a folder, everything else in the store.

One run at a time per bank and day, whatever starts it: a lock of the database, held for as long as the run lives.
"""

import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from asyncpg import Connection

from paygw.hub import night_work as work
from paygw.hub.breaks import Found, close_gone, keep_breaks
from paygw.hub.days import local_day
from paygw.hub.file_lines import Reading
from paygw.hub.hub import Hub
from paygw.hub.minutes import write_minutes
from paygw.hub.payout_lines import tell_lines, without_told
from paygw.hub.registry import Bank
from paygw.hub.writing import new_id
from paygw.jobs.night_closing import close_day
from paygw.jobs.night_reading import FILES_VI, Wanted, filed_of, in_our_words, read_wanted, to_booked, to_line
from paygw.kernel.connector import FileKind, Malformed
from paygw.kernel.errors import Refused
from paygw.store import nights as store
from paygw.store.night_book import book_around
from reconciliation.charges import Tariff, parse_tariffs
from reconciliation.day_desk import Renamed
from reconciliation.errors import BadFile
from reconciliation.model import Booked, Break, BreakKind, Line
from reconciliation.nightly import Figures, Late, Mode, Report, run_night

Files = Mapping[FileKind, Path]


@dataclass(slots=True, kw_only=True)
class Night:
    """The port of one run; in a dry run nothing is kept and files live in memory."""

    hub: Hub
    bank: Bank
    day: date
    mode: Mode
    files: Files = field(default_factory=dict)
    night_id: str = ""
    attempt: int = 0
    read: dict[FileKind, Reading] = field(default_factory=dict)
    found: Sequence[Found] = ()
    compared: Sequence[store.LineRead] = ()

    async def fetch(self, kind: FileKind) -> Late | int:
        """From a given path, else what was filed, else from the bank; kept and staged like every file."""
        try:
            read = await read_wanted(self.hub, self.wanted(kind), keep=self.mode != "dry_run")
        except Malformed as fault:
            await self._unreadable(kind, str(fault))
            said = f"the {kind} of {self.day} cannot be read: {fault}"
            return Late(file=kind, reason=f"{FILES_VI[kind]} ngày {self.day} không đọc được / {said}")
        if isinstance(read, Late):
            return read
        self.read[kind] = await self._untold(kind, read)
        return len(read.lines)

    async def _untold(self, kind: FileKind, read: Reading) -> Reading:
        """A statement without the lines that tell of our own payment orders; these are booked at once."""
        if kind != "statement":
            return read
        if self.mode != "dry_run":
            await tell_lines(self.hub, self.bank, read.lines)
        async with self.hub.pool.acquire() as connection:
            return replace(read, lines=tuple(await without_told(connection, self.bank.id, read.lines)))

    def wanted(self, kind: FileKind) -> Wanted:
        """A file of this night."""
        return Wanted(bank=self.bank, kind=kind, day=self.day, path=self.files.get(kind))

    def told(self, kind: FileKind) -> tuple[store.LineRead, ...]:
        """The lines of a file as they were read; none of one this night has no use for."""
        return self.read.get(kind, Reading()).lines

    async def _unreadable(self, kind: FileKind, why: str) -> None:
        found = Found(kind="control_total_differs", subject=kind, detail=why[:500], ref=kind)
        if self.mode != "dry_run":
            await self.hub.transact(partial(keep_breaks, self.hub, bank=self.bank.id, day=self.day, found=[found]))

    async def lines(self, kind: FileKind) -> Sequence[Line]:
        """As read just now."""
        compared = [(read, line) for read in self.told(kind) if (line := to_line(read)) is not None]
        self.compared = [read for read, _ in compared]
        return [line for _, line in compared]

    async def book(self, lines: Sequence[Line]) -> Sequence[Booked]:
        """From the store, around the day."""
        refs, txns = {line.ref for line in lines} - {""}, {line.bank_txn_id for line in lines} - {""}
        async with self.hub.pool.acquire() as connection:
            rows = await book_around(connection, self.bank.id, self.day, refs=refs, txns=txns)
        return [to_booked(row) for row in rows]

    async def open_breaks(self, breaks: Sequence[Break]) -> int:
        """By what they are about."""
        self.found = [_found(one) for one in breaks]
        return await self.hub.transact(
            partial(keep_breaks, self.hub, bank=self.bank.id, day=self.day, found=self.found)
        )

    async def close_gone(self, kinds: Iterable[BreakKind], still: Sequence[Break]) -> int:
        """What the second look no longer finds was repaired; a file that can be read now ends its break too."""
        names = [kind.value for kind in kinds] + ["control_total_differs", "file_late"]
        found = [_found(one) for one in still]
        return await self.hub.transact(
            partial(close_gone, self.hub, bank=self.bank.id, day=self.day, kinds=names, found=found)
        )

    async def repair(self, proven: Sequence[int]) -> Figures:
        """The lines as they were read, through the credit function; an account's statement is read whole before."""
        figures: Figures = {}
        on_account = self.bank.landing.home == "account"
        if on_account and self.mode != "night":  # a day that is not over has no complete statement
            return figures
        if on_account:
            figures = await work.read_account_day(self.hub, self.bank, self.day, self.told("statement"))
        lines = [self.compared[place] for place in proven]
        return {**figures, **await work.repair(self.hub, self.bank, lines)}

    def rename(self, renamed: Sequence[Renamed]) -> None:
        """Lines of the settlement in the book's words, so that settling them is settling what is booked."""
        known = self.read.get("settlement", Reading())
        if self.against == "settlement" and renamed:
            self.read["settlement"] = replace(known, lines=tuple(in_our_words(self.compared, renamed)))

    @property
    def against(self) -> FileKind:
        """The file the book is compared with."""
        return "statement" if self.bank.landing.home == "account" else "settlement"

    async def foresee(self) -> Figures:
        """What of the settlement is not settled yet."""
        return await work.foresee_day(self.hub, self.bank, self.day, self.told("settlement"))

    async def settle(self) -> Figures:
        """Rows 15 and 17."""
        return await work.settle_day(self.hub, self.bank, self.day, self.read.get("settlement", Reading()))

    async def close(self) -> Figures:
        """Row 16."""
        stated = self.told("statement") if "statement" in self.read else None
        lines = self.told("settlement")
        return await close_day(self.hub, self.bank, self.day, lines, stated, matched=self.found)

    async def watch(self) -> Figures:
        """Overdue things."""
        return await work.watch_day(
            self.hub, self.bank, self.day, self.told("settlement"), self.told("statement"), matched=self.found
        )

    async def resend(self) -> Figures:
        """News for portals."""
        return await work.resend_day(self.hub, self.bank, self.day)

    async def minutes(self) -> Figures:
        """Biên bản đối soát."""
        number, digest = await write_minutes(self.hub, self.bank.id, self.day)
        return {"new": number or 0, "content_hash": digest}

    async def journal(self, step: str, figures: Figures) -> None:
        """A row of the run; a dry run leaves none."""
        if self.mode == "dry_run" or not self.night_id:
            return
        at, result = self.hub.clock(), dict(figures)
        await self.hub.transact(
            lambda connection: store.keep_step(connection, self.night_id, self.attempt, step, at=at, result=result)
        )


async def reconcile(
    hub: Hub,
    bank_id: str,
    day: date,
    *,
    mode: Mode = "night",
    files: Files | None = None,
    port: Callable[..., Night] = Night,
) -> dict[str, Any]:
    """Run a bank's day; what was done. The same night again changes nothing. `port` makes the night's port.

    Raises Refused: `bank_unknown`, `night_running` (somebody else is at it), `bad_time` (a day not over yet),
    `invalid_value` (an option of the bank, or a given file, cannot be read).
    """
    bank = hub.registry.banks.get(bank_id)
    if bank is None:
        raise Refused("bank_unknown", "There is no such bank: paygw bank list shows them.")
    _require_readable(files or {})
    today = local_day(hub.clock())
    if day > today or (day == today and mode == "night"):
        raise Refused("bad_time", "A night reconciles a day that is over; --intraday looks at today.")
    tariffs = _tariffs(bank)
    async with _seat(hub, bank_id, day):
        night = port(hub=hub, bank=bank, day=day, mode=mode, files=files or {})
        if mode == "night":
            opened = await hub.transact(
                lambda connection: store.begin(connection, night_id=new_id(), bank=bank_id, day=day, now=hub.clock())
            )
            night.night_id, night.attempt = opened
        wanted = await _wanted(night)
        report = await run_night(night, files=wanted, against=night.against, mode=mode, tariffs=tariffs)
        if mode == "night":
            status = "waiting" if report.late else "done"
            await hub.transact(lambda connection: store.end(connection, night.night_id, status=status, now=hub.clock()))
    return _shown(bank_id, day, mode, report)


def _require_readable(files: Files) -> None:
    """A given file is there before the night begins. Raises Refused `invalid_value`."""
    for kind, path in files.items():
        if not path.is_file() or not os.access(path, os.R_OK):
            raise Refused("invalid_value", f"--{kind}: no file that can be read is at {path}.")


def _tariffs(bank: Bank) -> tuple[Tariff, ...]:
    """What the bank may charge: its option `fee_tariff`, written as for `paygw recon match --tariff`; else none."""
    try:
        return parse_tariffs(bank.secrets.options.get("fee_tariff", "[]"), f"option fee_tariff of {bank.id}")
    except BadFile as bad:
        raise Refused("invalid_value", str(bad)) from bad


async def _wanted(night: Night) -> tuple[FileKind, ...]:
    """The files of a night: of money that lands on an account only its statement.

    Of a provider without statements here the night knows its settlement alone, and closes no batch.
    """
    if night.against == "statement":
        return ("statement",)
    offered = night.bank.connector.fetch_file is not None or "statement" in night.files
    if offered or await filed_of(night.hub, night.wanted("statement")):
        return ("settlement", "statement")
    return ("settlement",)


@asynccontextmanager
async def _seat(hub: Hub, bank_id: str, day: date) -> AsyncIterator[None]:
    connection: Connection
    async with hub.pool.acquire() as connection:
        if not await store.try_lock(connection, bank_id, day):
            raise Refused("night_running", f"Somebody is reconciling {bank_id} of {day} just now.")
        try:
            yield
        finally:
            await store.unlock(connection, bank_id, day)


def _found(one: Break) -> Found:
    kind, amounts = one.break_kind.value, f"{one.book_amount_vnd}:{one.statement_amount_vnd}"
    watched = one.bank_txn_id if kind in work.WATCHED else ""
    return Found(
        kind=kind,
        subject=watched or f"{one.ref}|{one.bank_txn_id}|{amounts}",
        detail=one.detail,
        ref=one.ref,
        bank_txn_id=one.bank_txn_id,
        book_amount_vnd=one.book_amount_vnd,
        statement_amount_vnd=one.statement_amount_vnd,
    )


def _shown(bank_id: str, day: date, mode: Mode, report: Report) -> dict[str, Any]:
    return {
        "bank": bank_id,
        "day": day.isoformat(),
        "mode": mode,
        "status": "waiting" if report.late else "looked" if mode != "night" else "done",
        "waits_for": report.late.reason if report.late else "",
        "steps": {name: dict(figures) for name, figures in report.steps.items()},
        "breaks": [
            {
                "kind": one.break_kind.value,
                "ref": one.ref,
                "bank_txn_id": one.bank_txn_id,
                "book_amount_vnd": one.book_amount_vnd,
                "statement_amount_vnd": one.statement_amount_vnd,
                "detail": one.detail,
            }
            for one in report.breaks
        ],
    }
