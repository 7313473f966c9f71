"""The closing scene: the night. Each bank's day is reconciled with the files it serves, as on the next morning."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from paygw.app import build_hub
from paygw.cli.demo.world import BANKS, World
from paygw.hub.breaks import list_breaks
from paygw.hub.days import local_day
from paygw.hub.hub import Hub
from paygw.hub.minutes import read_minutes
from paygw.hub.position import prove_position
from paygw.jobs.nightly import Files, reconcile
from paygw.kernel.break_words import WORDS
from paygw.kernel.connector import Contact, FileAsk, FileKind
from paygw.kernel.decide import VIETNAM
from paygw.settings import Settings

PLANTED: Final = Counter({"paid_twice": 1})  # what the story left for people: the night finds it, and nothing else
Run = tuple[str, date, dict[str, Any]]
_MOVES: Final = (("settle", "settled"), ("close", "differs"), ("watch", "opened"), ("minutes", "new"))
_MORNING: Final = time(10)
_PATIENT_S: Final = 60.0
_KINDS: Final[tuple[FileKind, ...]] = ("settlement", "statement")


@dataclass(frozen=True, slots=True, kw_only=True)
class BankNight:
    """One bank's day: lines in its files, how many agree, are settled, batches that fit their net credit, minutes."""

    bank: str
    day: date
    lines: int
    matched: int
    settled: int
    batches: int
    minutes: int
    content_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What the night came to: breaks that are open, those it closed by itself, the position, what does not fit."""

    banks: list[BankNight] = field(default_factory=list)
    open: Counter[str] = field(default_factory=Counter)
    solved: Counter[str] = field(default_factory=Counter)
    held_vnd: int = 0
    findings: list[str] = field(default_factory=list)


async def play_night(world: World, settings: Settings, began: datetime) -> Night:
    """Reconcile the days of the story on the morning after it, twice: the second time must change nothing."""
    first, last = local_day(began), local_day(datetime.now(UTC))
    morning = datetime.combine(last + timedelta(days=1), _MORNING, VIETNAM)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    patient = settings.model_copy(update={"statement_timeout_s": _PATIENT_S})
    async with build_hub(patient, application="paygw-night") as now:
        # Banks check signatures by the true clock; the night looks from the next day.
        files = {(bank, day): await _fetched(now, world.folder, bank, day) for day in days for bank in BANKS}
        hub = replace(now, clock=lambda: morning)
        runs = [(bank, day, await reconcile(hub, bank, day, files=kept)) for (bank, day), kept in files.items()]
        again = [(bank, day, await reconcile(hub, bank, day, files=kept)) for (bank, day), kept in files.items()]
        banks = [await _bank_night(hub, bank, day, run) for bank, day, run in runs]
        found = (await list_breaks(hub, limit=1_000))["items"]
        proof = await prove_position(hub)
    still = Counter(one["kind"] for one in found if one["status"] == "open")
    solved = Counter(one["kind"] for one in found if one["status"] == "resolved")
    findings = [*_late(runs), *_restless(again), *_unexpected(still), *_uneven(proof)]
    return Night(banks=banks, open=still, solved=solved, held_vnd=proof["held_vnd"], findings=findings)


async def _fetched(hub: Hub, folder: Path, bank: str, day: date) -> Files:
    """A bank's two files of a day, over HTTP, signed; what it does not hand out stays away."""
    known, files = hub.registry.banks[bank], dict[FileKind, Path]()
    if known.connector.fetch_file is None:
        return files
    for kind in _KINDS:
        ask = FileAsk(kind=kind, day=day, now=hub.clock())
        got = await hub.talk.fetch_file(bank, known.connector.fetch_file(ask, known.secrets))
        if got.contact is Contact.SUCCEEDED:
            files[kind] = folder / f"{bank}-{kind}-{day}.csv"
            await asyncio.to_thread(files[kind].write_bytes, got.body)
    return files


async def _bank_night(hub: Hub, bank: str, day: date, run: dict[str, Any]) -> BankNight:
    steps = run["steps"]
    written: dict[str, Any] = await read_minutes(hub, bank, day) if "minutes" in steps else {}
    return BankNight(
        bank=bank,
        day=day,
        lines=sum(steps.get("fetch", {}).values()),
        matched=steps.get("rematch", {}).get("matched", 0),
        settled=steps.get("settle", {}).get("settled", 0),
        batches=steps.get("close", {}).get("matched", 0),
        minutes=written.get("no", 0),
        content_hash=written.get("content_hash", ""),
    )


def _late(runs: Iterable[Run]) -> Iterator[str]:
    yield from (f"night of {bank}: {run['waits_for']}" for bank, _, run in runs if run["status"] != "done")


def _restless(runs: Iterable[Run]) -> Iterator[str]:
    """Run again, a night settles nothing, opens nothing and writes no other minutes."""
    for bank, _, run in runs:
        steps = run["steps"]
        did = {name: steps.get(step, {}).get(name, 0) for step, name in _MOVES}
        if any(did.values()):
            yield f"the night of {bank} run again did something: {did}"


def _unexpected(still: Counter[str]) -> Iterator[str]:
    for kind in sorted(still.keys() | PLANTED.keys()):
        if still[kind] != PLANTED[kind]:
            yield f"the night left {still[kind]} open breaks of {kind} ({WORDS[kind].name_en}), not {PLANTED[kind]}"


def _uneven(proof: dict[str, Any]) -> Iterator[str]:
    if not proof["ok"]:
        yield f"the position does not add up: {proof['differences']} {proof['violations']}"
