"""The words of the payer's pages: every field in every language, or the type checker objects.

`{name}` in a text is filled in by the template. A method is named by its code, a component by its kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language."""

    lang: str
    service: str
    skip: str
    other_lang: str
    other_name: str
    test_mode: str

    title: Mapping[str, str]  # by stage
    amount_due: str
    amount_rest: str
    amount_paid: str
    in_words: str
    vnd: str
    pay_before: str
    time_left: str
    days: str
    hours: str
    minutes: str

    about: str
    procedure: str
    dossier: str
    collecting_body: str
    payer: str
    reference: str
    details: str
    component: str
    amount: str
    kind: Mapping[str, str]
    before_relief: str
    relief: str
    exempt: str
    no_charge: str
    total: str
    legal: str
    how: str

    how_to_pay: str
    choose_hint: str
    methods: Mapping[str, str]
    hindrance: Mapping[str, str]
    continue_: str
    leave_hint: str
    nothing_open: str
    error_prefix: str
    error_title: str
    must_choose: str
    must_confirm: str

    notice: str
    why: Mapping[str, str]
    last_try: Mapping[str, str]
    partial: str

    started: str
    started_late: str
    go_on: str
    check: str
    another: str
    another_title: str
    another_intro: str
    another_confirm: str
    keep: str

    waiting: Mapping[str, str]
    do_not_repeat: str
    close_page: str
    refreshes: str
    stop_refresh: str
    refresh_over: str

    elsewhere: str
    cancelled: str
    expired: str
    closed_money: str

    paid_at: str
    paid_by: str
    bank_txn: str
    paid_next: str
    not_receipt: str
    reversed: str
    refunded: str
    excess: str
    print_: str
    back: str

    leaving: str
    leaving_body: str
    leaving_link: str
    scan: str
    scan_body: str
    scan_alt: str
    to_bank: str
    to_account: str
    to_holder: str
    memo: str
    memo_keep: str
    good_until: str
    slip: str
    slip_body: str
    slip_alt: str
    slip_keep: str
    payment_code: str

    sorry: Mapping[str, tuple[str, str]]
    outage: tuple[str, str, str, str]  # title, what it means for money, that the page reloads, the link
