"""All settings: one frozen model, read once at the composition root and passed on.

Names in the environment are `PAYGW_` and the field in capitals. Units stand last in a name. `paygw settings` prints
each with its meaning, default and current value, secrets masked.
"""

import os
from datetime import time
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Seconds = Annotated[float, Field(gt=0)]
Delays = tuple[float, ...]

_SECRETS = Path("/run/secrets")  # where containers mount them: one file per setting, `paygw_database_url`
_MINUTE_S = 60.0
_HOUR_S = 3600.0
_DAY_S = 86_400.0


def _enquiry_delays() -> Delays:
    """5 s, 15 s, 1, 3, 5, 10 min, every 10 min to 2 h, hourly to 72 h, nightly to 30 days; gaps, not instants."""
    gaps = [5.0, 10.0, 45.0, 2 * _MINUTE_S, 2 * _MINUTE_S, 5 * _MINUTE_S]
    gaps += [10 * _MINUTE_S] * 11
    gaps += [_HOUR_S] * 70
    gaps += [_DAY_S] * 27
    return tuple(gaps)


class Settings(BaseSettings):
    """Everything an operator may choose."""

    model_config = SettingsConfigDict(
        env_prefix="PAYGW_", frozen=True, extra="forbid", secrets_dir=_SECRETS if _SECRETS.is_dir() else None
    )

    mode: Literal["test", "live"] = Field(default="test", description="One mode per hub and ledger; keys differ by it.")
    funds: Literal["routing", "custody"] = Field(
        default="routing",
        description="Who holds the money: the beneficiaries' accounts, or an account of the operator.",
    )
    netting_allowed: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Beneficiaries that agreed to netting of refunds, comma separated; never the treasury."
    )
    custody_mandate: str = Field(default="", description="Licence or mandate number; live custody is refused without.")
    var: Path = Field(default=Path("var"), description="Folder of the embedded database, keys, pids and logs.")
    host: str = Field(default="127.0.0.1", description="Address the hub listens on.")
    port: int = Field(default=8080, ge=0, le=65_535, description="Port the hub listens on.")
    work_port: int = Field(
        default=0, ge=0, le=65_535, description="Port of a worker's own /healthz, /readyz and /metrics; 0 = none."
    )
    public_url: str = Field(default="", description="Origin citizens and banks reach us at; default http://HOST:PORT.")
    database_url: SecretStr | None = Field(
        default=None, description="Runtime role's database; unset = the embedded PostgreSQL under VAR."
    )
    owner_database_url: SecretStr | None = Field(
        default=None, description="Owner role's database, for `paygw migrate` only."
    )
    key_file: Path | None = Field(default=None, description="File with the key-encryption key; default VAR/secret/kek.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level logged.")
    metrics_token: SecretStr | None = Field(
        default=None, description="Bearer token of /metrics; without one only loopback clients read it."
    )
    trusted_proxies: int = Field(
        default=0, ge=0, le=5, description="Reverse proxies in front whose word on the client counts."
    )
    catalogue: Path | None = Field(default=None, description="Folder of fee schedules; default: the starter catalogue.")

    pool_size: int = Field(default=16, ge=2, le=200, description="Database connections per process.")
    statement_timeout_s: Seconds = Field(default=5.0, description="Longest single SQL statement.")
    idle_in_transaction_timeout_s: Seconds = Field(default=10.0, description="Longest silence inside a transaction.")
    transaction_retries_max: int = Field(
        default=3, ge=0, le=10, description="Repeats after deadlock or serialization error."
    )
    registry_refresh_s: Seconds = Field(
        default=2.0, le=5, description="Longest time until a revoked key or changed portal is seen by every process."
    )
    disk_free_min_pct: float = Field(
        default=5.0, ge=0, le=50, description="Readiness fails below this share of free disk."
    )

    body_max_bytes: int = Field(default=65_536, description="Largest body of an API request.")
    requests_max: int = Field(default=512, ge=1, description="Requests under way per process; more are answered 503.")
    body_timeout_s: Seconds = Field(default=10.0, description="Longest time a body takes to arrive.")
    webhook_max_bytes: int = Field(default=262_144, description="Largest body of a bank's webhook.")
    json_depth_max: int = Field(default=20, description="Deepest nesting of a JSON body.")
    quote_items_max: int = Field(default=1_000, description="Most items of one batch quote.")
    order_lines_max: int = Field(default=50, description="Most lines of one order.")
    page_limit_max: int = Field(default=100, description="Most items of one page.")
    rate_post: int = Field(default=15, ge=1, description="POST requests per second and portal, unless set per portal.")
    rate_get: int = Field(default=75, ge=1, description="GET requests per second and portal, unless set per portal.")
    rate_burst: int = Field(default=30, ge=1, description="Requests a portal may make at once on top of its rate.")
    refused_keys_per_min: int = Field(default=60, ge=1, description="Refused API keys answered per address and minute.")
    security_events_per_min: int = Field(
        default=120, ge=1, description="Refusals of strangers written to the audit trail; all are logged and counted."
    )
    refused_webhooks_per_min: int = Field(default=120, description="Refused webhooks logged per bank and minute.")

    quote_lifetime_s: Seconds = Field(default=24 * _HOUR_S, description="How long a quote token can become an order.")
    order_lifetime_s: Seconds = Field(default=7 * _DAY_S, description="Life of an order that names no expiry.")
    order_lifetime_max_s: Seconds = Field(default=90 * _DAY_S, description="Longest life an order may ask for.")
    attempt_lifetime_s: Seconds = Field(default=900.0, description="Life of one attempt at a bank.")
    attempt_grace_s: Seconds = Field(default=900.0, description="Wait after expiry when a bank cannot be asked.")
    idempotency_wait_s: Seconds = Field(default=5.0, description="How long a duplicate waits for the winner.")
    idempotency_kept_s: Seconds = Field(default=8 * _DAY_S, description="How long answers are kept for replay.")

    restore_recent_s: Seconds = Field(
        default=3 * _DAY_S, description="After a restore banks are asked about every attempt this young at the backup."
    )

    bank_deadline_s: Seconds = Field(default=8.0, description="Total time of one dialogue with a bank.")
    bank_connect_s: Seconds = Field(default=2.0, description="Time to connect to a bank.")
    bank_tries_max: int = Field(default=3, ge=1, description="Tries of what is safe to repeat (enquiries).")
    bank_bulkhead: int = Field(default=20, ge=1, description="Requests under way per bank.")
    breaker_failures: int = Field(default=5, ge=1, description="Failures in a row that open a bank's breaker.")
    breaker_open_s: Seconds = Field(default=30.0, description="How long an open breaker waits before one probe.")
    bank_health_s: Seconds = Field(default=5.0, description="How often processes tell each other how banks are.")
    bank_health_window_s: Seconds = Field(default=300.0, le=3_600, description="How far back a bank's health looks.")
    bank_unwell_below_pct: int = Field(
        default=50, ge=0, le=100, description="A bank that answers less than this share of contacts is shown as unwell."
    )
    bank_unwell_contacts_min: int = Field(default=5, ge=1, description="Least contacts before a bank is called so.")
    bank_reply_max_bytes: int = Field(default=1_048_576, description="Largest answer of a bank.")
    enquiry_delays_s: Annotated[Delays, NoDecode] = Field(
        default_factory=_enquiry_delays, description="Gaps between enquiries of a silent attempt, comma separated."
    )

    callback_delays_s: Annotated[Delays, NoDecode] = Field(
        default=(
            0.0,
            5.0,
            30.0,
            120.0,
            600.0,
            1800.0,
            3600.0,
            7200.0,
            14_400.0,
            28_800.0,
            43_200.0,
            86_400.0,
            86_400.0,
        ),
        description="Gaps before each callback attempt, comma separated; after the last: dead letter.",
    )
    callback_jitter: float = Field(default=0.2, ge=0, le=0.5, description="Share by which each gap is varied.")
    callback_deadline_s: Seconds = Field(default=10.0, description="Total time of one callback, DNS to last byte.")
    callback_lease_s: Seconds = Field(
        default=30.0, description="Time a worker holds a claimed callback; above the deadline."
    )
    callback_reply_max_bytes: int = Field(default=65_536, description="Most that is read of a portal's answer.")
    callback_concurrency: int = Field(default=4, ge=1, description="Callbacks under way per endpoint.")
    callback_batch: int = Field(default=200, ge=1, description="Callbacks claimed at once.")
    callback_poll_s: Seconds = Field(default=0.1, description="Rest between two looks at an empty outbox.")
    callback_retry_after_max_s: Seconds = Field(default=_HOUR_S, description="Longest Retry-After that is honoured.")
    callback_allow: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="host:port pairs callbacks may reach without https or public address; test mode only."
    )
    file_sources: Path | None = Field(
        default=None, description="YAML of the files that come in: from where, by whom, when due (docs/files.md)."
    )
    file_profiles: Path | None = Field(
        default=None, description="Folder of further profiles of bank files, beside those shipped."
    )
    file_timeout_s: Seconds = Field(default=120.0, description="Longest time an uploaded file takes to arrive.")
    file_pickup_s: Seconds = Field(default=60.0, description="Rest between two looks at drop folders and SFTP servers.")
    file_settled_s: float = Field(
        default=5.0,
        ge=0,
        description="A file in a folder or on a server is taken when it was not written to for this long.",
    )
    file_memory_mib: int = Field(default=1_024, ge=256, description="Address space of the process that reads a file.")
    file_cpu_s: int = Field(default=60, ge=1, description="CPU seconds of the process that reads a file.")
    operator_name: str = Field(default="PAYGW", description="Who instructs payments out, as payment orders name it.")
    operator_bank: str = Field(default="", description="BIC of the bank that keeps our account (payment orders).")
    operator_tax_code: str = Field(default="", description="Tax code of who pays in, on C1-02/NS slips.")
    operator_address: str = Field(default="", description="Address of who pays in, on C1-02/NS slips.")
    payee_rest_s: Seconds = Field(
        default=48 * _HOUR_S,
        description="Rest of a new or changed payee's account before money goes there (live mode).",
    )
    night_at: time = Field(default=time(10), description="When a bank's day is reconciled on its T+1, local time.")
    night_back_days: int = Field(default=14, ge=1, le=60, description="Days back that are still reconciled if missed.")
    night_lines_max: int = Field(
        default=500_000, ge=1, description="Lines of a bank's day that a night matches; they are in memory."
    )
    night_poll: str = Field(default="*/10 * * * *", description="How often nights that are due are looked for (cron).")
    night_late_s: Seconds = Field(default=5 * _HOUR_S, description="After this a missing file is a break and an alert.")
    portal_applies_s: Seconds = Field(default=_HOUR_S, description="Time a portal has to apply a paid order.")
    worker_poll_s: Seconds = Field(default=1.0, description="Rest between two looks at scheduled work.")
    heartbeat_s: Seconds = Field(default=5.0, description="Rest between two heartbeats of a worker.")
    seal_s: Seconds = Field(default=3.0, description="Rest between two seals over committed rows.")
    rollup_s: Seconds = Field(default=2.0, description="Rest between two advances of the ledger's totals.")
    housekeeping_s: Seconds = Field(default=60.0, description="Rest between two removals of what has expired.")
    refused_messages_kept: int = Field(default=100_000, ge=1, description="Refused webhooks kept in the log.")
    drain_s: float = Field(
        default=5.0, ge=0, description="After SIGTERM: time between a red readiness and the closed door."
    )
    shutdown_s: Seconds = Field(default=20.0, description="Time to finish requests after SIGTERM.")

    @model_validator(mode="before")
    @classmethod
    def _split_lists(cls, values: object) -> object:
        """Lists come from the environment as comma separated text."""
        if isinstance(values, dict):
            for name in ("enquiry_delays_s", "callback_delays_s", "callback_allow", "netting_allowed"):
                if isinstance(values.get(name), str):
                    values[name] = tuple(part.strip() for part in values[name].split(",") if part.strip())
        return values

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        """Refuse to start on a contradiction."""
        if self.callback_lease_s <= self.callback_deadline_s:
            raise ValueError(
                "PAYGW_CALLBACK_LEASE_S must exceed PAYGW_CALLBACK_DEADLINE_S, or two workers send one callback"
            )
        if self.mode == "live" and self.callback_allow:
            raise ValueError("PAYGW_CALLBACK_ALLOW is for development; unset it in live mode")
        if self.mode == "live" and self.funds == "custody" and not self.custody_mandate:
            raise ValueError("live custody needs PAYGW_CUSTODY_MANDATE: the licence or mandate number")
        if self.mode == "live" and not self.public_url.startswith("https://"):
            raise ValueError("live mode needs PAYGW_PUBLIC_URL with https")
        return self

    @property
    def origin(self) -> str:
        """Where citizens and banks reach the hub, without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def kek_path(self) -> Path:
        """The file of the key-encryption key."""
        return self.key_file or self.var / "secret" / "kek"


def child_environment(**settings: str) -> dict[str, str]:
    """The environment for a child process of ours: this one's, with these settings (by field name) in it."""
    return {**os.environ, **{f"PAYGW_{name.upper()}": value for name, value in settings.items()}}
