"""Around every verb: its exit code, and one line on stderr for what people did wrong."""

import sys
from collections.abc import Sequence
from typing import Final

import typer
from pydantic import ValidationError
from typer.exceptions import TyperException

from paygw.cli.refusal_words import WORDS
from paygw.kernel.errors import PaygwError, Refused
from paygw.store.away import AWAY

FAILED: Final = 1
MISUSED: Final = 2
INTERRUPTED: Final = 130
_AWAY: Final = "Cơ sở dữ liệu chưa trả lời, thử lại sau. the database does not answer"


def run_verb(cli: typer.Typer, arguments: Sequence[str] | None = None) -> int:
    """Run one verb; the exit code. What people did wrong is one line, a defect keeps its stack."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = cli(args=given or ["--help"], prog_name="paygw", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        return _say("interrupted", INTERRUPTED)
    except TyperException as error:
        return _say(f"Lệnh chưa đúng. {error.format_message()}", MISUSED)
    except (PaygwError, ValidationError, OSError) as error:
        return _say(_sentence(error), FAILED)
    except AWAY as error:  # while a verb starts or between its transactions
        return _say(f"{_AWAY} ({type(error).__name__}): try again; see paygw doctor", FAILED)
    return code if isinstance(code, int) else 0


def _sentence(error: Exception) -> str:
    if isinstance(error, Refused):
        return f"{WORDS.get(error.code, '')} {error.detail} ({error.code})"
    if isinstance(error, ValidationError):
        wrong = (f"PAYGW_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors())
        return "; ".join(wrong).replace("PAYGW_: ", "")
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, OSError) and error.filename is not None:
        return f"Không mở được tệp, xem lại đường dẫn và quyền. {error.strerror}: {error.filename}"
    return str(error)


def _say(sentence: str, code: int) -> int:
    print("paygw: " + " ".join(sentence.split()), file=sys.stderr)  # noqa: T201 - the command line speaks
    return code
