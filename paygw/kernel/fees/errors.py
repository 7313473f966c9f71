"""The two ways the fee engine says no.

PaygwError
├── BadCatalogue       at load: the data is wrong; names file, line and path
└── Refused
    └── FeeError       at evaluation: this request has no amount; `code` is public
"""

from typing import Literal

from paygw.kernel.errors import PaygwError, Refused

BadKind = Literal["bad_catalogue", "ambiguous_schedule"]
FeeErrorCode = Literal[
    "unknown_procedure",
    "bad_request",
    "unknown_fact",
    "missing_fact",
    "bad_type",
    "bad_enum",
    "out_of_range",
    "inconsistent_facts",
    "province_required",
    "no_schedule_in_force",
    "no_case_matches",
]


class BadCatalogue(PaygwError):
    """A catalogue that must not be published. `at` is `file:line`, `path` leads to the entry inside the file."""

    def __init__(self, kind: BadKind, *, at: str, path: str, message: str) -> None:
        super().__init__(f"{at}: {path}: {message}")
        self.kind = kind
        self.at = at
        self.path = path
        self.message = message


class FeeError(Refused):
    """No amount can be given. `fact` names the fact at fault, if one is."""

    def __init__(self, code: FeeErrorCode, detail: str, *, fact: str | None = None) -> None:
        super().__init__(code, detail, **({} if fact is None else {"fact": fact}))
        self.fact = fact
