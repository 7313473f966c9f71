"""Reading a file in a process of its own, so that a hostile one can only harm itself."""

import asyncio
import sys
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from paygw.settings import Settings
from reconciliation.statements.errors import BadFile
from reconciliation.statements.profile import Profile
from reconciliation.statements.staged import FILE_BYTES_MAX, MIB, StagedFile, StagedLine, with_lines
from reconciliation.statements.table import Given

LENGTH_BYTES: Final = 4
"""Of the length before each frame the reader says."""

_SAID_BYTES_MAX: Final = 256 * 1024 * 1024  # or as much of it as a large file may say
_SAID_PER_BYTE_MAX: Final = 8
_FRAME_BYTES_MAX: Final = 64 * 1024 * 1024
_PIECE: Final = 1024 * 1024
_WAITS: Final = 5  # seconds a reader may take, on a busy machine, for each it may compute


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one reader may use: address space in bytes, seconds of CPU, seconds of waiting."""

    memory_bytes: int = 1024 * 1024 * 1024
    cpu_s: int = 60
    wait_s: int = 120


def bounds_for(settings: Settings, size_bytes: int) -> Bounds:
    """What the reader of a file may use: more time for a larger one, no more memory."""
    cpu_s = settings.file_cpu_s * -(-size_bytes // FILE_BYTES_MAX)
    return Bounds(memory_bytes=settings.file_memory_mib * MIB, cpu_s=cpu_s, wait_s=_WAITS * cpu_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What the reader is told before the bytes."""

    profile: Profile
    given: Given
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line of a file: the place of its statement, from 1, and the key that names it within that."""

    statement_n: int
    key: str
    line: StagedLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What it says: lines; at the end the statements they make, or the code of a refusal with its line and facts."""

    lines: Sequence[ReadLine] = ()
    staged: StagedFile | None = None
    code: str = ""
    line: int | None = None
    facts: Mapping[str, str | int] = field(default_factory=dict)


Keep = Callable[[Sequence[ReadLine]], None]
"""Takes lines as they are read. They mean nothing if the file is refused in the end."""


async def read_apart(data: bytes, profile: Profile, given: Given, bounds: Bounds | None = None) -> StagedFile:
    """A file read whole, with its lines. Raises BadFile with the line and reason; `resources` when a bound was met."""
    lines: list[StagedLine] = []
    staged = await read_pieces(_one(data), profile, given, lambda read: lines.extend(one.line for one in read), bounds)
    return with_lines(staged, lines)


async def read_pieces(
    pieces: AsyncIterable[bytes], profile: Profile, given: Given, keep: Keep, bounds: Bounds | None = None
) -> StagedFile:
    """A file read in pieces, its lines handed on; the statements come without them. Raises BadFile as `read_apart`."""
    limits = bounds or Bounds()
    child = await asyncio.create_subprocess_exec(
        *command(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    said_max = max(_SAID_BYTES_MAX, _SAID_PER_BYTE_MAX * profile.limits.bytes_max)
    try:
        async with asyncio.timeout(limits.wait_s):
            asked = framed(b"", profile, given, limits)
            answer, _ = await asyncio.gather(_listen(child, keep, said_max), _tell(child, asked, pieces))
            status = await child.wait()
    except TimeoutError:
        raise BadFile("resources") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if status != 0:
        raise BadFile("resources")
    return opened(answer)


def command() -> tuple[str, ...]:
    """How the reader is started: isolated from environment, user site and current folder."""
    return (sys.executable, "-I", "-X", "utf8", "-m", "paygw.jobs.reader")


def framed(data: bytes, profile: Profile, given: Given, bounds: Bounds) -> bytes:
    """What the reader gets on stdin."""
    return msgspec.json.encode(Ask(profile=profile, given=given, bounds=bounds)) + b"\n" + data


def opened(answer: Answer | None) -> StagedFile:
    """What the reader said last. Raises BadFile."""
    if answer is None:
        raise BadFile("resources")
    if answer.staged is None:
        raise BadFile(answer.code, answer.line, **answer.facts)
    return answer.staged


def answers(said: bytes) -> Iterable[Answer]:
    """The frames of all that a reader said."""
    at = 0
    while at < len(said):
        length = int.from_bytes(said[at : at + LENGTH_BYTES])
        at += LENGTH_BYTES + length
        yield msgspec.json.decode(said[at - length : at], type=Answer)


async def _one(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _tell(child: asyncio.subprocess.Process, asked: bytes, pieces: AsyncIterable[bytes]) -> None:
    """Send the bytes; a reader that ended early has said why."""
    stdin = child.stdin
    if stdin is None:
        return
    try:
        stdin.write(asked)
        async for data in pieces:
            for at in range(0, len(data), _PIECE):
                stdin.write(data[at : at + _PIECE])
                await stdin.drain()
        stdin.close()
        await stdin.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        return


async def _listen(child: asyncio.subprocess.Process, keep: Keep, said_max: int) -> Answer | None:
    """Hand on the lines; what the reader says last, None where it died."""
    stdout, said = child.stdout, 0
    while stdout is not None:
        try:
            length = int.from_bytes(await stdout.readexactly(LENGTH_BYTES))
            said += length
            if length > _FRAME_BYTES_MAX or said > said_max:
                child.kill()
                raise BadFile("resources")
            answer = msgspec.json.decode(await stdout.readexactly(length), type=Answer)
        except asyncio.IncompleteReadError:
            return None
        if not answer.lines:
            return answer
        keep(answer.lines)
    return None
