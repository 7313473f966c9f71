"""The error tree of the hub. Leaves are named by cause; HTTP status codes live in web/errors.py only.

PaygwError
├── Refused            the request is understood and not allowed now; nothing changed; `code` is public
├── Unavailable        not durable or not reachable: try again
└── Alarm              a broken promise inside: never caught to go on, always paged
"""


class PaygwError(Exception):
    """Base of every error the hub raises on purpose."""


class Refused(PaygwError):
    """A business rule said no. `code` is stable snake_case, `detail` safe to show, `facts` go beside them."""

    def __init__(self, code: str, detail: str, **facts: str | int) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.facts = facts


class Unavailable(PaygwError):
    """The hub cannot do this durably now; the caller may repeat the same request."""


class Alarm(PaygwError):
    """Something that must never happen happened: an unbalanced posting, one key with two contents."""
