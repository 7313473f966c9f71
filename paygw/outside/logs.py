"""Logs: one JSON object per line, only fields of the list below, cut and escaped; nothing else can get in.

A call names an event and gives fields: `log.info("request", extra={"route": ..., "ms": ...})`. Fields that are not on
the list are dropped. A stack goes out as file, line and function, never with values or messages of the error.
"""

import logging
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

import msgspec

import paygw

FIELDS: Final = (
    "request_id",
    "trace_id",
    "principal",
    "role",
    "route",
    "status",
    "ms",
    "order_id",
    "attempt_id",
    "bank",
    "bank_txn_id",
    "portal",
    "attempt",
    "outcome",
    "code",
)
VALUE_CHARS_MAX: Final = 512

_EVENT_CHARS_MAX: Final = 120
_STACK_FRAMES: Final = 8
_ENCODER: Final = msgspec.json.Encoder()
# Libraries put values into their sentences; of theirs we keep who spoke and how loud.
_OURS: Final = "paygw"


class JsonLine(logging.Formatter):
    """One record as one line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its line feed."""
        line: dict[str, object] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": _event(record),
        }
        given: Mapping[str, object] = record.__dict__
        line |= {name: _cut(given[name]) for name in FIELDS if given.get(name) not in {None, ""}}
        if record.exc_info and record.exc_info[0]:
            line["code"] = record.exc_info[0].__name__
            line["stack"] = _stack(record)
        line["version"] = paygw.__version__
        return _ENCODER.encode(line).decode()


def configure_logs(level: str, stream: TextIO) -> None:
    """All logs of this process go to one stream as JSON lines; libraries speak from warnings on."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLine())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_OURS).setLevel(level.upper())


def mask(value: str) -> str:
    """The last four characters; for account numbers and the like, where a log needs to tell two apart."""
    return f"…{value[-4:]}" if len(value) > 4 else "…"  # noqa: PLR2004 - what reliability.md allows to be shown


def _event(record: logging.LogRecord) -> str:
    if record.name.split(".", 1)[0] == _OURS:
        return record.getMessage()[:_EVENT_CHARS_MAX]
    return f"library {record.name}"


def _cut(value: object) -> object:
    return value if isinstance(value, bool | int | float) else str(value)[:VALUE_CHARS_MAX]


def _stack(record: logging.LogRecord) -> list[str]:
    frames = traceback.extract_tb(record.exc_info[2] if record.exc_info else None)
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-_STACK_FRAMES:]]
