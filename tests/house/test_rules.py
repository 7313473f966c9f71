"""Every house rule holds in every file it is for, and every rule catches what it is meant to catch."""

import pytest

from tests.house.rules import RULES, Rule
from tests.house.sources import parse, sources, under

_SAMPLES = [(rule, sample) for rule in RULES for sample in rule.samples]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rule_holds_everywhere(rule: Rule) -> None:
    broken = [
        f"{source.path}:{line}"
        for source in sources()
        if under(source.path, rule.within) and not under(source.path, rule.except_in)
        for line in sorted(set(rule.broken_at(source)))
    ]

    assert not broken, f"{rule.sentence}.\n  " + "\n  ".join(broken)


@pytest.mark.parametrize(("rule", "sample"), _SAMPLES, ids=[f"{rule.name}-{n}" for n, (rule, _) in enumerate(_SAMPLES)])
def test_rule_catches_its_samples(rule: Rule, sample: str) -> None:
    assert under(rule.sample_path, rule.within)
    assert list(rule.broken_at(parse(rule.sample_path, sample)))
