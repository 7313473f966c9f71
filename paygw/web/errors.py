"""Every code a caller may meet, with its HTTP status: the one place where refusals of the kernel become answers.

A code is stable for ever; its page is `/problems/{code}`. A test finds every `Refused(...)` and `Problem(...)` of the
packages and fails on a code that is not here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from paygw.kernel.errors import PaygwError, Refused, Unavailable

FieldError = tuple[str, str]
"""JSON pointer of what is wrong and a stable code; never the value."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What one code means to a caller. `retry_after_s` where repeating the same request may help."""

    status: int
    title: str
    retry_after_s: int | None = None


class Problem(PaygwError):
    """The web layer says no. `errors` point into the body, `headers` go out with the answer."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: tuple[FieldError, ...] = (),
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = headers


_CONFLICT, _UNPROCESSABLE = 409, 422

CODES: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        # The message itself
        "malformed_json": Kind(400, "The body is not strict JSON"),
        "malformed_request": Kind(400, "The request cannot be read"),
        "bad_parameter": Kind(400, "A query parameter is wrong"),
        "bad_cursor": Kind(400, "The cursor is not one of ours"),
        "idempotency_key_missing": Kind(400, "This request needs an Idempotency-Key header"),
        "idempotency_key_invalid": Kind(400, "An Idempotency-Key is 1 to 255 visible ASCII characters"),
        "unauthenticated": Kind(401, "A valid API key is needed"),
        "forbidden": Kind(403, "This key may not do that"),
        "not_found": Kind(404, "There is no such thing here"),
        "method_not_allowed": Kind(405, "This address does not take that method"),
        "request_timeout": Kind(408, "The body did not arrive in time"),
        "too_large": Kind(413, "The body is too large"),
        "unsupported_media_type": Kind(415, "The body is of another kind than is asked for, or encoded further"),
        "invalid_body": Kind(_UNPROCESSABLE, "The body is JSON, but not what is asked for"),
        "rate_limited": Kind(429, "Too many requests"),
        # Idempotency and identity
        "idempotency_in_progress": Kind(_CONFLICT, "The same request is still being handled", 1),
        "idempotency_mismatch": Kind(_UNPROCESSABLE, "The Idempotency-Key was used with another body"),
        "order_exists": Kind(_CONFLICT, "The reference belongs to an order with other content"),
        "stale_version": Kind(_CONFLICT, "It changed meanwhile: read it again"),
        # Fees and quotes
        "unknown_procedure": Kind(_UNPROCESSABLE, "The fee catalogue has no such procedure"),
        "bad_request": Kind(_UNPROCESSABLE, "The fee request is not complete"),
        "unknown_fact": Kind(_UNPROCESSABLE, "The procedure has no such fact"),
        "missing_fact": Kind(_UNPROCESSABLE, "A fact is missing"),
        "bad_type": Kind(_UNPROCESSABLE, "A fact has the wrong type"),
        "bad_enum": Kind(_UNPROCESSABLE, "A fact has a value that is not listed"),
        "out_of_range": Kind(_UNPROCESSABLE, "A fact is out of range"),
        "inconsistent_facts": Kind(_UNPROCESSABLE, "The facts contradict each other"),
        "province_required": Kind(_UNPROCESSABLE, "The fee depends on the province"),
        "no_schedule_in_force": Kind(_UNPROCESSABLE, "No fee schedule is in force on that day"),
        "no_case_matches": Kind(_UNPROCESSABLE, "No rule of the fee schedule covers these facts"),
        "quote_invalid": Kind(_UNPROCESSABLE, "The quote token is not one of ours"),
        "quote_outdated": Kind(_UNPROCESSABLE, "The tariff changed since the quote"),
        "quote_expired": Kind(_UNPROCESSABLE, "The quote has expired"),
        "assessment_not_allowed": Kind(_UNPROCESSABLE, "The amount of this procedure cannot be set by the caller"),
        "assessment_required": Kind(_UNPROCESSABLE, "The amount of this procedure is assessed by the collecting body"),
        "calendar_unknown": Kind(_UNPROCESSABLE, "The calendar does not know that year"),
        "version_state": Kind(_CONFLICT, "The version of the tariff is not at this step"),
        "version_overlaps": Kind(_CONFLICT, "Another version of the tariff is in force then"),
        "version_frozen": Kind(_CONFLICT, "An order was priced by what the version would change"),
        "version_unverified": Kind(_CONFLICT, "The figures of the version are not verified"),
        "nothing_to_pay": Kind(_UNPROCESSABLE, "Nothing is due"),
        # Orders, obligations, attempts
        "obligation_already_paid": Kind(_CONFLICT, "The obligation is already paid"),
        "obligation_in_payment": Kind(_CONFLICT, "The obligation is being paid by another order"),
        "obligation_repeated": Kind(_UNPROCESSABLE, "One order names one obligation twice"),
        "obligation_not_releasable": Kind(_CONFLICT, "The obligation cannot be released"),
        "order_closed": Kind(_CONFLICT, "The order is closed"),
        "order_not_payable": Kind(_CONFLICT, "The order cannot be paid"),
        "order_not_paid": Kind(_CONFLICT, "The order is not paid"),
        "attempt_in_flight": Kind(_CONFLICT, "A payment of this order is under way"),
        "return_url_not_allowed": Kind(_UNPROCESSABLE, "The return_url is not on a registered origin"),
        "expiry_not_allowed": Kind(_UNPROCESSABLE, "The expiry is in the past or too far away"),
        "bank_disabled": Kind(_CONFLICT, "The bank takes no payments now"),
        "bank_limit": Kind(_UNPROCESSABLE, "The bank does not take a payment of this size"),
        "bank_not_offered": Kind(_UNPROCESSABLE, "The bank is not offered for this payment"),
        "bank_maintenance": Kind(_CONFLICT, "The bank is under maintenance"),
        "bank_unknown": Kind(_UNPROCESSABLE, "There is no such bank"),
        "method_unknown": Kind(_UNPROCESSABLE, "The bank has no such method"),
        # Receipts, refunds, reversals, disputes, settlement
        "amount_not_positive": Kind(_UNPROCESSABLE, "An amount is at least 1 đồng"),
        "receipt_frozen": Kind(_CONFLICT, "The receipt is frozen by a conflict or a dispute"),
        "receipt_blocked": Kind(_CONFLICT, "The receipt waits for a decision"),
        "receipt_not_blocked": Kind(_CONFLICT, "The receipt waits for nothing"),
        "receipt_disputed": Kind(_CONFLICT, "The receipt is in dispute"),
        "receipt_not_disputable": Kind(_CONFLICT, "Receipts of this bank know no disputes"),
        "receipt_held": Kind(_CONFLICT, "The receipt is held by another party"),
        "receipt_identified": Kind(_CONFLICT, "The receipt already belongs to an order"),
        "receipt_settled": Kind(_CONFLICT, "The receipt is settled"),
        "receipt_not_settled": Kind(_CONFLICT, "The receipt is not settled yet"),
        "receipt_taken_back": Kind(_CONFLICT, "The bank took the receipt back"),
        "receipt_without_holder": Kind(_CONFLICT, "The receipt has no holder"),
        "refund_too_large": Kind(_UNPROCESSABLE, "The refund exceeds what its source still holds"),
        "refund_exceeds_source": Kind(_UNPROCESSABLE, "The refund exceeds what its source still holds"),
        "refund_source_missing": Kind(_UNPROCESSABLE, "The order holds no money of that source"),
        "refund_line_missing": Kind(_UNPROCESSABLE, "A component refund names a line of the order"),
        "refund_state": Kind(_CONFLICT, "The refund is in another state"),
        "refund_unknown": Kind(_CONFLICT, "The outcome of the refund is not known yet"),
        "refund_void": Kind(_CONFLICT, "The refund is void"),
        "refund_not_void": Kind(_CONFLICT, "The refund is not void"),
        "refund_not_fundable": Kind(_CONFLICT, "The refund cannot be funded now"),
        "refund_not_withdrawable": Kind(_CONFLICT, "The refund can no longer be withdrawn"),
        "refund_same_person": Kind(_CONFLICT, "Another person must decide on this refund"),
        "funding_exceeds_need": Kind(_UNPROCESSABLE, "More funding than is needed"),
        "netting_not_allowed": Kind(_CONFLICT, "Netting is not allowed here"),
        "recovery_not_to_citizen": Kind(_UNPROCESSABLE, "A recovery is not paid to the citizen"),
        "dispute_amount": Kind(_UNPROCESSABLE, "The dispute exceeds the receipt"),
        "no_open_dispute": Kind(_CONFLICT, "There is no open dispute"),
        "nothing_unclaimed": Kind(_CONFLICT, "Nothing is unclaimed"),
        "account_owes_fee": Kind(_CONFLICT, "The account owes a fee"),
        "account_stopped": Kind(_CONFLICT, "Money left the account unexplained: that is solved first"),
        "account_short": Kind(_CONFLICT, "The account does not hold enough"),
        "slice_not_payable": Kind(_CONFLICT, "The slice cannot be paid out now"),
        "settlement_differs": Kind(_CONFLICT, "The settlement does not add up: nothing is paid out of it"),
        "settlement_unknown": Kind(404, "There is no such settlement"),
        "disbursement_state": Kind(_CONFLICT, "The disbursement is in another state"),
        "prefunding_short": Kind(_CONFLICT, "The prefunding does not hold enough"),
        "return_short": Kind(_CONFLICT, "The returned disbursement does not hold enough"),
        "refund_route": Kind(_CONFLICT, "The refund cannot go that way"),
        "receipt_not_disprovable": Kind(_CONFLICT, "The receipt cannot be disproved now"),
        "unknown_account": Kind(_UNPROCESSABLE, "No bank of ours is paid into this account"),
        "statement_lines_repeat": Kind(_UNPROCESSABLE, "Two lines of the statement have one id"),
        "settlement_account_missing": Kind(_UNPROCESSABLE, "The settlement names no account"),
        "settlement_holder_missing": Kind(_UNPROCESSABLE, "The settlement names no holder"),
        # The night, breaks, money out
        "break_state": Kind(_CONFLICT, "The break is not at this step"),
        "break_action": Kind(_UNPROCESSABLE, "That is not decided about this kind of break"),
        "restored": Kind(_CONFLICT, "The hub was restored from a backup and holds back what leaves it"),
        "payout_state": Kind(_CONFLICT, "The payout batch is not at this step"),
        "payee_missing": Kind(_CONFLICT, "It is not known where a beneficiary's money goes"),
        "payee_resting": Kind(_CONFLICT, "The payee's account is too new for money to go there"),
        "minutes_state": Kind(_CONFLICT, "The minutes are not at this step"),
        "night_running": Kind(_CONFLICT, "Somebody is reconciling this day just now"),
        "file_missing": Kind(_CONFLICT, "The bank's file of this day is not there yet"),
        "file_unreadable": Kind(_UNPROCESSABLE, "The bank's file cannot be read"),
        # Files of banks
        "file_empty": Kind(_UNPROCESSABLE, "The file is empty"),
        "file_state": Kind(_CONFLICT, "The file is in another state"),
        "file_refused": Kind(_UNPROCESSABLE, "The file is not taken"),
        # Provisioning and decisions of two persons
        "already_exists": Kind(_CONFLICT, "It exists with other content"),
        "nothing_selected": Kind(_UNPROCESSABLE, "Nothing says what is meant"),
        "bad_time": Kind(_UNPROCESSABLE, "A time carries its offset"),
        "proposal_decided": Kind(_CONFLICT, "The proposal is already decided"),
        "role_missing": Kind(403, "This person has no role for it"),
        "same_person": Kind(_CONFLICT, "A second person must decide"),
        "invalid_value": Kind(_UNPROCESSABLE, "A value is not acceptable"),
        # Us and those behind us
        "internal": Kind(500, "Something went wrong on our side"),
        "bank_error": Kind(502, "The bank answered with an error"),
        "unavailable": Kind(503, "We cannot do this durably now: send the same request again", 2),
        "bank_timeout": Kind(504, "The bank did not answer in time"),
    }
)

# Codes for the statuses that the web framework itself raises.
_FRAMEWORK: Final[Mapping[int, str]] = MappingProxyType(
    {
        400: "malformed_request",
        401: "unauthenticated",
        403: "forbidden",
        404: "not_found",
        405: "method_not_allowed",
        413: "too_large",
        415: "unsupported_media_type",
        422: "invalid_body",
        429: "rate_limited",
        503: "unavailable",
    }
)


def code_of_status(status: int) -> str:
    """The code of a bare status raised by the framework; anything unforeseen is `internal`."""
    return _FRAMEWORK.get(status, "malformed_request" if 400 <= status < 500 else "internal")  # noqa: PLR2004 - client errors


def problem_of(error: BaseException) -> Problem:
    """What a caller is told of an error. An error nobody foresaw tells nothing of itself."""
    match error:
        case Problem():
            return error
        case Refused(code=code, detail=detail) if code in CODES:
            return Problem(code, detail)
        case Unavailable():
            return Problem("unavailable", "Nothing is confirmed: send the same request, with the same key, again.")
        case _:
            return Problem("internal", "Nobody foresaw this. Tell us the instance below.")
