"""Messages a forger could send to /webhooks/{bank}: each is one step away from a true one."""

import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

SIGNATURE = "X-Sandbox-Signature"
_STALE_S = 900


@dataclass(frozen=True, slots=True)
class Message:
    """What goes over the wire; `headers` may repeat a name. `sent` is the length that is claimed, if another."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    claimed_bytes: int | None = None

    def on_the_wire(self) -> bytes:
        """One request, then the connection ends."""
        claimed = len(self.body) if self.claimed_bytes is None else self.claimed_bytes
        head = [f"{self.method} {self.target} HTTP/1.1", "Host: hub", "Connection: close"]
        head += [f"Content-Length: {claimed}", *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join([*head, "", ""]).encode("latin-1") + self.body


@dataclass(frozen=True, slots=True)
class Truth:
    """A payment the bank could have told, and the secrets to sign it or something near it with."""

    bank: str
    secret: str
    stranger: str
    data: Mapping[str, object]
    now_s: int = field(default_factory=lambda: int(time.time()))

    def message(
        self, body: bytes | None = None, *, secret: str = "", method: str = "POST", target: str = "", age_s: int = 0
    ) -> Message:
        """Signed as the bank signs."""
        body, target = self.body() if body is None else body, target or f"/webhooks/{self.bank}"
        stamp = self.now_s - age_s
        framed = f"webhook\n{stamp}\n{method} {target}\n".encode() + body
        made = hmac.digest((secret or self.secret).encode(), framed, sha256).hex()
        headers = (("Content-Type", "application/json"), (SIGNATURE, f"t={stamp},v1={made}"))
        return Message(method, target, headers, body)

    def body(self, **changed: object) -> bytes:
        """payment.succeeded in the bank's words."""
        event = {"event_id": "evt-forged", "type": "payment.succeeded", "occurred_at": "2026-11-23T03:00:00Z"}
        return json.dumps(event | {"data": {**self.data, **changed}}).encode()


def _signed_otherwise(truth: Truth, edit: Callable[[str], str]) -> Message:
    true = truth.message()
    return replace(
        true, headers=tuple((name, edit(value) if name == SIGNATURE else value) for name, value in true.headers)
    )


def _repeated_key(truth: Truth) -> Message:
    amount = f'"amount_vnd": {truth.data["amount_vnd"]}'.encode()
    return truth.message(truth.body().replace(amount, b'"amount_vnd": 1, ' + amount))


def _unicode_digits(truth: Truth) -> Message:
    digits = str(truth.data["amount_vnd"]).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    amount = f'"amount_vnd": {truth.data["amount_vnd"]}'.encode()
    return truth.message(truth.body().replace(amount, f'"amount_vnd": {digits}'.encode()))


def _two_signatures(truth: Truth) -> Message:
    """A false one, then the true one under the same name in other letters: of two, neither is believed."""
    true = truth.message()
    return replace(true, headers=((SIGNATURE.lower(), f"t={truth.now_s},v1={'0' * 64}"), *true.headers))


def _smuggled(truth: Truth) -> Message:
    true = truth.message()
    return replace(true, target=f"{true.target}?amount_vnd=1&bank={truth.bank}")


# By name: the message, and the status of its answer.
FORGERIES: Mapping[str, tuple[Callable[[Truth], Message], frozenset[int]]] = {
    "no signature": (lambda truth: replace(truth.message(), headers=()), frozenset({401})),
    "short signature": (lambda truth: _signed_otherwise(truth, lambda given: given[:-1]), frozenset({401})),
    "another bank's secret": (lambda truth: truth.message(secret=truth.stranger), frozenset({401})),
    "old timestamp": (lambda truth: truth.message(age_s=_STALE_S), frozenset({401})),
    "altered amount": (lambda truth: replace(truth.message(), body=truth.body(amount_vnd=1)), frozenset({401})),
    "altered reference": (
        lambda truth: replace(truth.message(), body=truth.body(attempt_ref="P" + "0" * 32)), frozenset({401}),
    ),
    "a key twice": (_repeated_key, frozenset({400})),
    "smuggled query": (_smuggled, frozenset({401})),
    "another method": (lambda truth: replace(truth.message(), method="GET"), frozenset({401})),
    "two signatures": (_two_signatures, frozenset({401})),
    "truncated body": (
        lambda truth: replace(truth.message(), body=truth.body()[:-9]), frozenset({401}),
    ),
    "no JSON, well signed": (lambda truth: truth.message(b"<xml>paid</xml>"), frozenset({400})),
    "unicode digits, well signed": (_unicode_digits, frozenset({400})),
}  # fmt: skip
