"""How a pretend bank is set up and in which ways it may misbehave. Every figure has a unit and a limit."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

Text = Annotated[str, Meta(max_length=500)]
Name = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9-]{0,31}\Z")]
Protocol = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9_]{0,31}\Z")]
Ref = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._-]{1,64}\Z")]
Amount = Annotated[int, Meta(ge=1, le=10**12)]
Count = Annotated[int, Meta(ge=0, le=20)]
Millis = Annotated[int, Meta(ge=0, le=600_000)]
Operation = Literal["open_session", "query", "refund", "query_refund"]


class SandboxBankConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One pretend bank. Its base URL is `http://host:port/<name>`; with a `port` of its own it also listens there.

    `protocol` is the connector it is for; `values` and `options` take the place of that side's published test
    configuration. `secret` is the key of the sandbox protocol, and of any bank's control plane without `admin_token`.
    An empty `merchant` or `webhook_schedule_s` is the protocol's own.
    """

    name: Name
    secret: str
    protocol: Protocol = "sandbox"
    values: dict[str, str] = {}
    options: dict[str, str] = {}
    merchant: Text = ""
    previous_secret: str = ""
    admin_token: str = ""  # empty: the secret itself guards the control plane
    webhook_url: str = ""  # for money that names no session
    account: Text = "1020304050"
    port: int | None = None
    webhook_schedule_s: tuple[float, ...] = ()
    webhook_timeout_s: float = 10.0
    refund_outcome: Literal["succeeded", "failed", "pending"] = "succeeded"
    fee_vnd: Annotated[int, Meta(ge=0, le=10**9)] = 0


class Misbehaviour(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes wrong, for a whole bank or for one attempt. The defaults are a bank that behaves.

    `down: refused` closes the bank's own port; a bank that shares its port drops the connections instead.

    The first group spoils answers to the hub (of `operations`, all if empty, and only `times` times if given); the work
    asked for is done all the same unless `without_effect`. The second spoils webhooks, the third what a person pays.
    """

    operations: Annotated[tuple[Operation, ...], Meta(max_length=4)] = ()
    times: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    without_effect: bool = False
    slow_ms: Millis = 0
    down: Literal["", "closed", "refused"] = ""
    http_status: Annotated[int, Meta(ge=400, le=599)] | None = None
    garbage: bool = False
    html: bool = False
    cut: bool = False
    unsigned: bool = False

    lost: bool = False
    hold: bool = False
    duplicates: Count = 0
    webhook_delay_ms: Millis = 0
    shuffle_ms: Millis = 0
    forged: bool = False

    pay_at_open: bool = False
    payments: Annotated[int, Meta(ge=1, le=20)] = 1
    amount_delta_vnd: Annotated[int, Meta(ge=-(10**12), le=10**12)] = 0
    refund_outcome: Literal["", "succeeded", "failed", "pending"] = ""

    def spoils(self, operation: str) -> bool:
        """Whether an answer to this operation is spoilt at all."""
        named = not self.operations or operation in self.operations
        return named and (self.slow_ms > 0 or bool(self.down) or self.mangles)

    @property
    def mangles(self) -> bool:
        """Whether the answer itself is not what the bank meant."""
        return self.http_status is not None or self.garbage or self.html or self.cut or self.unsigned


BEHAVED = Misbehaviour()


def decoded_banks(text: bytes) -> list[SandboxBankConfig]:
    """The banks of a JSON list, for scripted set-ups."""
    return msgspec.json.decode(text, type=list[SandboxBankConfig])
