"""What a quote costs: beside a hand-written function, beside openfisca-core, in batches, over HTTP; all in one run.

    python -m bench.fees [--json]

The hand-written function takes checked facts and returns total, shares and explanation tokens of one procedure on one
tariff; the engine also checks the facts, finds the schedule of the day and records every step.
"""

import argparse
import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from bench import fee_http, openfisca
from bench.openfisca import CALLS, CATALOGUE, ROUNDS
from paygw.kernel.fees.catalogue import Catalogue, calculate, load_catalogue, quote_line
from paygw.kernel.fees.explain import explain_vi

ROOT: Final = Path(__file__).parents[1]
EXAMPLES: Final = ROOT / "tests" / "fixtures" / "fees" / "golden.jsonl"

BATCH: Final = 100_000

Answer = tuple[int, dict[str, int], list[str]]


def id_card(facts: Mapping[str, Any], as_of: str) -> Answer:
    """Procedure 2.001195 from 21 October 2024, by hand."""
    request, online = facts["request"], facts.get("channel") == "online"
    amount = 30_000 if request == "convert" else 50_000 if request == "exchange" else 70_000
    explain = []
    if "2024-10-21" <= as_of <= "2024-12-31":
        amount, explain = amount // 2, ["le_phi:mod:intro_2024"]
    elif as_of <= "2025-12-31" and online:
        amount, explain = amount // 2, ["le_phi:mod:online_2025"]
    elif "2025-07-01" <= as_of <= "2026-12-31":
        amount, explain = amount // 2, ["le_phi:mod:tt64_2025"]
    for fact, reason in (("agency_error", "agency_error"), ("boundary_change", "boundary_change")):
        if facts.get(fact):
            return 0, {}, [f"le_phi:exempt:{reason}"]
    for fact, reason in (("is_poor_household", "poor"), ("is_merit_or_martyr_kin", "merit")):
        if facts.get(fact):
            return 0, {}, [f"le_phi:exempt:{reason}"]
    for fact, reason in (("ethnic_minority_special_commune", "ethnic_minority"), ("orphan_under_18", "orphan")):
        if facts.get(fact):
            return 0, {}, [f"le_phi:exempt:{reason}"]
    if "2026-08-15" <= as_of <= "2027-02-28" and online and facts.get("has_vneid_level2"):
        return 0, {}, ["le_phi:exempt:digital_citizen"]
    return amount, {"treasury": amount}, explain


def certified_copy(facts: Mapping[str, Any], as_of: str) -> Answer:
    """Procedure 2.000815, by hand."""
    pages = facts["pages"]
    each = 2000 * min(pages, 2) + 1000 * max(0, pages - 2)
    explain = ["phi:cap"] if each > 200_000 else []
    total = min(each, 200_000) * facts.get("copies", 1)
    retained = total // 2
    return total, {"retained": retained, "treasury": total - retained}, explain if as_of >= "2017-01-01" else []


def temporary_residence(facts: Mapping[str, Any], as_of: str) -> Answer:
    """Procedure 1.004194, by hand."""
    online = facts["channel"] == "online"
    listed = facts.get("mode") == "list"
    each = (5000 if online else 10_000) if listed else 7000 if online else 15_000
    total = each * facts.get("persons", 1)
    return total, {"treasury": total}, [] if as_of >= "2023-02-05" else ["?"]


def court_fee(facts: Mapping[str, Any], as_of: str) -> Answer:  # noqa: C901, PLR0912 - as one writes a table by hand
    """Procedure 9.900050 (brackets), by hand."""
    kind, value, least = facts["case_type"], facts.get("claim_value", 0), 300_000
    if kind == "commercial":
        least = 3_000_000
    if not facts["has_value"]:
        amount = least
    elif kind == "labour":
        amount = max(300_000, value * 3 // 100) if value > 6_000_000 else 300_000
        if value > 400_000_000:
            amount = 12_000_000 + (value - 400_000_000) * 2 // 100
    elif value <= least * 20:
        amount = least
    elif value <= 400_000_000:
        amount = value * 5 // 100
    elif value <= 800_000_000:
        amount = 20_000_000 + (value - 400_000_000) * 4 // 100
    elif value <= 2_000_000_000:
        amount = 36_000_000 + (value - 800_000_000) * 3 // 100
    elif value <= 4_000_000_000:
        amount = 72_000_000 + (value - 2_000_000_000) * 2 // 100
    else:
        amount = 112_000_000 + (value - 4_000_000_000) // 1000
    explain = []
    if facts["stage"] == "advance" and facts["has_value"]:
        amount, explain = max(amount // 2, least), ["an_phi:mod:advance_half"]
    halves = {"mediated_before_trial": "mediated", "summary_procedure": "summary", "force_majeure": "force_majeure"}
    for fact, mark in halves.items():
        if facts.get(fact):
            amount, explain = amount // 2, [*explain, f"an_phi:mod:{mark}_half"]
    for fact, mark in (("exempt_person", "exempt_person"), ("wage_or_maintenance_claim", "wage_claim")):
        if facts.get(fact):
            return 0, {}, [f"an_phi:exempt:{mark}"]
    return amount, {"treasury": amount}, explain if as_of >= "2017-01-01" else []


BY_HAND: Final[Mapping[str, Callable[[Mapping[str, Any], str], Answer]]] = {
    "2.001195": id_card,
    "2.000815": certified_copy,
    "1.004194": temporary_residence,
    "9.900050": court_fee,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One procedure: microseconds by hand and by the engine, and their ratio."""

    procedure: str
    by_hand_us: float
    engine_us: float
    ratio: float


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", action="store_true")
    as_json = options.parse_args().json
    started = time.perf_counter()
    catalogue = load_catalogue(CATALOGUE)
    load_s = time.perf_counter() - started
    lines = [json.loads(text) for text in EXAMPLES.read_text(encoding="utf-8").splitlines()]
    gc.freeze()
    rows = [compared(catalogue, lines, code) for code in BY_HAND]
    result = {
        "load_s": round(load_s, 3),
        "rows": [asdict(row) for row in rows],
        "sentences_us": round(sentences_us(catalogue, lines), 1),
        "batch_per_s": round(batch_per_s(catalogue, lines)),
        "command": command(lines),
    }
    rival, served = openfisca.compare(), fee_http.compare()
    if as_json:
        http = {name: asdict(one) for name, one in served.items()}
        json.dump({**result, "openfisca": rival, "http": http}, sys.stdout)
        return
    print(f"load {load_s:.3f} s")
    for row in rows:
        print(f"{row.procedure}  by hand {row.by_hand_us:6.2f} us  engine {row.engine_us:6.2f} us  x{row.ratio:.1f}")
    print(f"quote with all its sentences {result['sentences_us']} us")
    print(f"batch of {BATCH:,} lines: {result['batch_per_s']:,} a second on one core")
    print(f"paygw fees quote --batch, start to file: {result['command']}")
    print("one question, openfisca-core: {openfisca_us} us, paygw {paygw_us} us, x{ratio}".format(**rival))
    fee_http.tell(served)


def compared(catalogue: Catalogue, lines: list[dict[str, Any]], code: str) -> Row:
    """The worked examples of one procedure, both ways, interleaved; best of several rounds."""
    chosen = [line for line in lines if line["procedure"] == code and line["as_of"] >= "2024-10-21"]
    by_hand = BY_HAND[code]

    def engine(line: dict[str, Any]) -> Answer:
        quote = calculate(
            catalogue,
            procedure=line["procedure"],
            province=line["province"],
            as_of=line["as_of"],
            facts=line["facts"],
        )
        return quote.total_vnd, quote.shares, list(quote.explain)

    def hand(line: dict[str, Any]) -> Answer:
        return by_hand(line["facts"], line["as_of"])

    for line in chosen:
        assert engine(line) == hand(line) == tuple(line["expect"][key] for key in ("total", "shares", "explain"))
    hands, engines = zip(*((best_us(hand, chosen), best_us(engine, chosen)) for _ in range(ROUNDS)), strict=True)
    return Row(code, round(min(hands), 3), round(min(engines), 3), round(min(engines) / min(hands), 2))


def best_us(call: Callable[[dict[str, Any]], Answer], lines: list[dict[str, Any]]) -> float:
    """Microseconds of one call over a round of calls."""
    repeats = CALLS // len(lines)
    started = time.perf_counter()
    for _ in range(repeats):
        for line in lines:
            call(line)
    return (time.perf_counter() - started) / (repeats * len(lines)) * 1e6


def sentences_us(catalogue: Catalogue, lines: list[dict[str, Any]]) -> float:
    """Microseconds of a quote whose every sentence is written out."""
    asked = [{key: line[key] for key in ("procedure", "province", "as_of", "facts")} for line in lines]
    started = time.perf_counter()
    for one in asked * 10:
        explain_vi(calculate(catalogue, **one))
    return (time.perf_counter() - started) / (10 * len(asked)) * 1e6


def batch_per_s(catalogue: Catalogue, lines: list[dict[str, Any]]) -> float:
    """Lines a second of a batch as the command line runs it: parse, quote, write."""
    texts = [json.dumps(line) for line in lines] * (BATCH // len(lines) + 1)
    started = time.perf_counter()
    for text in texts[:BATCH]:
        json.dumps(quote_line(catalogue, json.loads(text)))
    return BATCH / (time.perf_counter() - started)


def command(lines: list[dict[str, Any]]) -> dict[str, float]:
    """`paygw fees quote --batch` of as many lines, as a process: seconds from start to file, and its memory."""
    with tempfile.TemporaryDirectory() as folder:
        asked, out = Path(folder) / "in.jsonl", Path(folder) / "out.jsonl"
        texts = [json.dumps(line) for line in lines] * (BATCH // len(lines) + 1)
        asked.write_text("\n".join(texts[:BATCH]) + "\n", encoding="utf-8")
        started = time.perf_counter()
        verb = [sys.executable, "-m", "paygw", "fees", "quote", "--batch", str(asked), "--out", str(out), "--json"]
        subprocess.run(verb, check=True, capture_output=True)
        seconds = time.perf_counter() - started
        with out.open("rb") as file:
            assert sum(1 for _ in file) == BATCH
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"seconds": round(seconds, 2), "lines_per_s": round(BATCH / seconds), "peak_mb": round(peak_mb)}


if __name__ == "__main__":
    main()
