"""Reading a file in a process of its own, so that a hostile one can only harm itself."""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from reconciliation.statements.errors import BadFile
from reconciliation.statements.profile import Profile
from reconciliation.statements.staged import StagedFile
from reconciliation.statements.table import Given

ANSWER_BYTES_MAX: Final = 256 * 1024 * 1024

_PIECE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one reader may use: address space in bytes, seconds of CPU, seconds of waiting."""

    memory_bytes: int = 1024 * 1024 * 1024
    cpu_s: int = 60
    wait_s: int = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What the reader is told before the bytes."""

    profile: Profile
    given: Given
    bounds: Bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What it says: a staged file, or the code of a refusal with its line and facts."""

    staged: StagedFile | None = None
    code: str = ""
    line: int | None = None
    facts: Mapping[str, str | int] = field(default_factory=dict)


async def read_apart(data: bytes, profile: Profile, given: Given, bounds: Bounds | None = None) -> StagedFile:
    """A file read whole. Raises BadFile with the line and the reason; `resources` when a bound was met."""
    limits = bounds or Bounds()
    child = await asyncio.create_subprocess_exec(
        *command(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    try:
        async with asyncio.timeout(limits.wait_s):
            said, _ = await asyncio.gather(_listen(child), _tell(child, framed(data, profile, given, limits)))
            status = await child.wait()
    except TimeoutError:
        raise BadFile("resources") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if status != 0 or not said:
        raise BadFile("resources")
    return opened(said)


def command() -> tuple[str, ...]:
    """How the reader is started: isolated from environment, user site and current folder."""
    return (sys.executable, "-I", "-X", "utf8", "-m", "paygw.jobs.reader")


def framed(data: bytes, profile: Profile, given: Given, bounds: Bounds) -> bytes:
    """What the reader gets on stdin."""
    return msgspec.json.encode(Ask(profile=profile, given=given, bounds=bounds)) + b"\n" + data


def opened(said: bytes) -> StagedFile:
    """What the reader said. Raises BadFile."""
    answer = msgspec.json.decode(said, type=Answer)
    if answer.staged is None:
        raise BadFile(answer.code, answer.line, **answer.facts)
    return answer.staged


async def _tell(child: asyncio.subprocess.Process, data: bytes) -> None:
    """Send the bytes; a reader that ended early has said why."""
    stdin = child.stdin
    if stdin is None:
        return
    try:
        for at in range(0, len(data), _PIECE):
            stdin.write(data[at : at + _PIECE])
            await stdin.drain()
        stdin.close()
        await stdin.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        return


async def _listen(child: asyncio.subprocess.Process) -> bytes:
    said = bytearray()
    while child.stdout is not None and (piece := await child.stdout.read(_PIECE)):
        said += piece
        if len(said) > ANSWER_BYTES_MAX:
            child.kill()
            raise BadFile("resources")
    return bytes(said)
