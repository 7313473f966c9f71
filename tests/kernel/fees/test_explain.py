"""What people and portals are told: sentences, JSON Schema of the facts, and the document frozen into an order."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its stubs are a package we do not need otherwise
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paygw.kernel.fees.catalogue import calculate, quote_line
from paygw.kernel.fees.describe import describe
from paygw.kernel.fees.explain import explain_en, explain_vi
from paygw.kernel.fees.forms import facts_schema
from paygw.kernel.fees.model import Base, Cases, Component
from paygw.kernel.fees.quote import Quote, document
from paygw.kernel.fees.speech import Language
from tests.kernel.fees.starter import requests, starter

CODES = sorted(starter().procedures)


def _quote(code: str, as_of: str, province: str | None = None, **facts: object) -> Quote:
    return calculate(starter(), procedure=code, province=province, as_of=as_of, facts=facts)


def test_relief_is_told_with_its_legal_basis_and_window() -> None:
    quote = _quote(
        "9.900020",
        "2026-09-01",
        contract_value=40 * 10**9,
        state_price_value=0,
        has_vneid_level2=True,
        channel="online",
    )

    assert explain_vi(quote) == [
        (
            "Lệ phí trước bạ nhà, đất (9.900020): biểu mức thu tbdat-2022, căn cứ Nghị định 10/2022/NĐ-CP, "
            "Điều 7, 8, 10; Thông tư 117/2026/TT-BTC (giảm có thời hạn), tính tại ngày 01/09/2026."
        ),
        "Lệ phí trước bạ nhà đất (lệ phí, tiểu mục 2801): 187.350.000 đồng.",
        "Mức thu: 0,5% của 40.000.000.000 đồng = 200.000.000 đồng.",
        (
            "Giảm (Công dân số (định danh mức 2, nộp trực tuyến)), căn cứ Thông tư 117/2026/TT-BTC, "
            "từ ngày 15/08/2026 đến hết ngày 28/02/2027: "
            "từ 200.000.000 đồng còn 187.350.000 đồng."
        ),
        "Mức trước miễn, giảm: 200.000.000 đồng; số được miễn, giảm: 12.650.000 đồng.",
        "Đơn vị thụ hưởng: ngân sách nhà nước 187.350.000 đồng.",
        "Tổng số phải nộp: 187.350.000 đồng (Một trăm tám mươi bảy triệu ba trăm năm mươi nghìn đồng).",
    ]


def test_rounding_and_beneficiaries_are_told() -> None:
    sentences = explain_en(_quote("9.900011", "2026-03-02", entries="single", usd_vnd_rate="26105.50"))

    assert "Case that applies: Single entry. Tariff amount by formula: 652,637.5 VND." in sentences
    assert "Rounded to 1 VND (halves up): 652,637.5 VND becomes 652,638 VND." in sentences
    assert "Beneficiaries: retained by the collecting body 130,527 VND, state budget 522,111 VND." in sentences


def test_the_row_of_a_table_is_told_with_its_bounds() -> None:
    just_below = explain_vi(_quote("9.900001", "2025-06-01", contract_value=49_999_999))
    at_the_bound = explain_vi(_quote("9.900001", "2025-06-01", contract_value=50_000_000))

    assert "Giá trị tính 49.999.999 đồng thuộc bậc 1 của biểu (dưới 50.000.000): 50.000 đồng." in just_below
    assert (
        "Giá trị tính 50.000.000 đồng thuộc bậc 2 của biểu (từ 50.000.000 đến 100.000.000): 100.000 đồng."
        in at_the_bound
    )


@pytest.mark.parametrize(
    ("quote", "last"),
    [
        (_quote("1.000894", "2025-06-10"), "biểu mức thu quy định không thu trong trường hợp này."),
        (_quote("2.001195", "2027-01-15", request="reissue", agency_error=True), "được miễn toàn bộ."),
        (
            _quote("1.001612", "2026-08-25", "01", channel="counter", request="suspend"),
            "không có phí, lệ phí phải nộp.",
        ),
    ],
)
def test_nothing_to_pay_says_why(quote: Quote, last: str) -> None:
    assert quote.total_vnd == 0
    assert explain_vi(quote)[-1].endswith(last)


def test_the_document_of_a_quote_is_plain_json_and_keeps_the_split() -> None:
    quote = _quote("9.900052", "2017-06-01", received_before=0, received_now=3 * 10**9)

    found = json.loads(json.dumps(document(quote)))

    assert found["components"][0]["split"] == {
        "id": "tha_65_20",
        "shares": [
            {"to": "retained", "pct_millionths": 650_000},
            {"to": "enforcement_hq", "pct_millionths": 200_000},
            {"to": "treasury", "pct_millionths": None},
        ],
    }
    assert [share["amount_vnd"] for share in found["components"][0]["shares"]] == [58_500_000, 18_000_000, 13_500_000]
    assert len(found["schedule_hash"]) == 64


@pytest.mark.parametrize("code", CODES)
def test_the_schema_of_the_facts_is_a_valid_json_schema(code: str) -> None:
    jsonschema.Draft202012Validator.check_schema(facts_schema(starter().procedures[code]))


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(
    line=st.sampled_from(CODES).flatmap(requests),
    junk=st.sampled_from([None, "?", -1, 1.5, [], True, 10**16]),
    at=st.integers(0, 9),
)
def test_what_the_schema_refuses_the_engine_refuses(line: dict[str, Any], junk: object, at: int) -> None:
    schema = jsonschema.Draft202012Validator(facts_schema(starter().procedures[line["procedure"]]))
    assert schema.is_valid(line["facts"])
    names = sorted(line["facts"])
    if names:
        line["facts"][names[at % len(names)]] = junk
    if not schema.is_valid(line["facts"]):
        assert quote_line(starter(), line)["error"] in {"bad_type", "bad_enum", "out_of_range"}


@pytest.mark.parametrize("code", CODES)
def test_every_fact_and_value_has_a_label_in_both_languages(code: str) -> None:
    for fact in starter().procedures[code].facts:
        assert fact.label is not None, fact.name
        assert all(fact.value_labels), fact.name


@pytest.mark.parametrize("code", CODES)
def test_every_case_relief_and_beneficiary_has_a_label_in_both_languages(code: str) -> None:
    for schedule in starter().procedures[code].tariff.schedules:
        for component in schedule.components:
            assert set(_rule_ids(component)) <= schedule.labels.keys()


def _rule_ids(component: Component) -> Iterator[str]:
    yield from (modifier.id for modifier in component.modifiers)
    yield from (exemption.id for exemption in component.exemptions)
    yield from _case_ids(component.base)
    yield from {share.to for share in component.split.shares} - {"treasury", "retained"}  # words of the engine itself


def _case_ids(base: Base) -> Iterator[str]:
    for row in base.rows if isinstance(base, Cases) else ():
        yield row.id
        yield from _case_ids(row.base)


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("code", CODES)
def test_every_tariff_can_be_read_without_anybodys_facts(code: str, language: Language) -> None:
    procedure = starter().procedures[code]
    for schedule in procedure.tariff.schedules:
        for component in schedule.components:
            lines = describe(component, schedule, procedure.facts, language)

            assert lines
            assert all(line.label and line.text for line in lines)
