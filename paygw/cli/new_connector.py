"""`paygw new-connector NAME`: the files of a connector that refuses everything until it is written."""

import re
from pathlib import Path
from string import Template
from typing import Annotated, Final

import typer

from paygw.kernel.errors import Refused

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,30}", re.ASCII)

_CONNECTOR: Final = '''"""$title: one line on what it does.

Source: name of the document, version, date. Quirks that surprise, one a line.
"""

from datetime import datetime

from paygw.kernel.connector import (
    BadSignature,
    Connector,
    Contact,
    Credential,
    HttpReply,
    HttpRequest,
    Ignored,
    Limits,
    Notice,
    Secrets,
    Session,
    SessionAsk,
    Verdict,
)

# Result codes as tables, each with its source. An unlisted code is unknown, never failed.


def build_redirect(ask: SessionAsk, secrets: Secrets) -> Session:
    """Nothing is sent until this is written."""
    del ask, secrets
    return Session(contact=Contact.NOT_SENT, bank_code="not_written")


def parse_webhook(request: HttpRequest, secrets: Secrets, now: datetime) -> Notice | Ignored:
    """Nothing is believed until this is written."""
    del request, secrets, now
    raise BadSignature


def acknowledge(verdict: Verdict) -> HttpReply:
    """Nothing is thanked for until this is written: the bank sends again."""
    del verdict
    return HttpReply(status=503)


CONNECTOR = Connector(
    name="$name",
    title="$title",
    grade="C",
    source="the document, its version and date",
    methods=("card",),
    receipts_per_attempt="one",
    credentials=(Credential(name="secret", secret=True, pattern=r"[!-~]{16,128}", help="What the bank calls it"),),
    limits=Limits(amount_min_vnd=1_000, amount_max_vnd=999_999_999, reference_max_chars=32, session_max_s=900),
    parse_webhook=parse_webhook,
    acknowledge=acknowledge,
    build_redirect=build_redirect,
    disputes=True,
)
'''

_SIDE: Final = '''"""$title without state: what it would send and answer, as its document words it."""

from datetime import UTC, datetime

from paygw.kernel.connector import HttpReply, HttpRequest, Secrets
from paygw.kernel.evidence import Evidence, PaymentSeen
from paygw.simulators.side import BankSide

SECRETS = Secrets(base_url="https://$host.example", merchant="HUB", values={"secret": "test-secret-of-$name"})
PAYMENT = PaymentSeen(
    attempt_ref="A-1",
    bank_txn_id="1",
    amount_vnd=150_000,
    occurred_at=datetime(2026, 11, 20, 5, 0, tzinfo=UTC),
    merchant="HUB",
)


def tell(evidence: Evidence, secrets: Secrets, at: datetime) -> HttpRequest:
    """The signed webhook that states this evidence. Raises ValueError for a kind this bank does not speak of."""
    del evidence, secrets, at
    return HttpRequest(method="POST", url="https://hub.example/webhooks/$name")


def tell_unlisted(secrets: Secrets, at: datetime) -> HttpRequest:
    """The same with a code that no document lists."""
    return tell(PAYMENT, secrets, at)


def reply(request: HttpRequest, truth: tuple[Evidence, ...], secrets: Secrets, at: datetime) -> HttpReply:
    """The answer of a bank that knows exactly `truth`."""
    del request, truth, secrets, at
    return HttpReply(status=503)


def reply_unlisted(request: HttpRequest, secrets: Secrets, at: datetime) -> HttpReply:
    """The same with a code that no document lists."""
    return reply(request, (), secrets, at)


BANK_SIDE = BankSide(
    secrets=SECRETS,
    other_values={"secret": "another-secret-of-$name"},
    samples=(PAYMENT,),
    tell=tell,
    tell_unlisted=tell_unlisted,
    reply=reply,
    reply_unlisted=reply_unlisted,
)
'''

_SAMPLES: Final = """{
 "protocol": "$title",
 "notes": ["messages from the bank's document or from a public client, byte for byte; how each was checked"],
 "vectors": []
}
"""

_TESTS: Final = '''"""$title: its published samples in both directions, and its tables."""

from tests.connectors.published import vectors


def test_there_are_published_samples() -> None:
    assert vectors("$name", "pay_url", "webhook")
'''

_PAGE: Final = """# $title

| | |
|---|---|
| Connector | `$name` |
| Grade | C: confirm with the provider |
| Source | document, version, date |
| Methods | |

## What to ask the provider for
## Settings
`paygw bank add --id $host-main --connector $name --base-url https://... --merchant ... --set secret=...`
## Before going live
## Quirks, each with its source and date
"""

FILES: Final = {
    "connectors/$name.py": _CONNECTOR,
    "paygw/simulators/sides/$name.py": _SIDE,
    "tests/fixtures/vectors/$name.json": _SAMPLES,
    "tests/connectors/test_$name.py": _TESTS,
    "docs/api/banks/$name.md": _PAGE,
}


def new_connector(
    name: Annotated[str, typer.Argument(help="Its module: lower-case letters, digits and _.")],
    *,
    title: Annotated[str, typer.Option(help="Its name for citizens; default: NAME in capitals.")] = "",
    checkout: Annotated[Path, typer.Option(help="The checkout to write into.")] = Path(),
) -> None:
    """Write the files of a new connector. It refuses everything, and fails the conformance suite until it is real."""
    for path in scaffold(checkout, name, title or name.upper()):
        typer.echo(path)
    typer.echo("next: docs/api/connector-spi.md, then pytest tests/conformance -k " + name)


def scaffold(checkout: Path, name: str, title: str) -> list[Path]:
    """Write the files; their paths. Raises Refused for an odd name, another folder, or files that are there."""
    if not _NAME.fullmatch(name):
        raise Refused("invalid_value", "NAME: 2 to 31 of a-z, 0-9 and _, a letter first.")
    if not title.isprintable() or set(title) & {'"', "\\"}:
        raise Refused("invalid_value", "title: printable, without quotes and backslashes.")
    if not (checkout / "connectors" / "__init__.py").is_file():
        raise Refused("not_found", f"{checkout.resolve()} is no checkout of paygw: --checkout names it.")
    words = {"name": name, "title": title, "host": name.replace("_", "-")}
    texts = {
        checkout / Template(path).substitute(words): Template(text).substitute(words) for path, text in FILES.items()
    }
    there = [str(path) for path in texts if path.exists()]
    if there:
        raise Refused("already_exists", f"There already: {', '.join(there)}. Nothing was written.")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(texts)
