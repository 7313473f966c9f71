"""Every connector that brings its bank's side is put through the whole suite."""

import pytest

from paygw.kernel.evidence import Evidence
from tests.conformance.pairs import CONNECTORS, PAIRS, SAMPLES, SIDES, Pair


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> Pair:
    """Each connector with its bank."""
    return Pair(CONNECTORS[request.param], SIDES[request.param])


@pytest.fixture(params=SAMPLES, ids=lambda sample: f"{sample[0]}-{sample[1]}")
def spoken(request: pytest.FixtureRequest) -> tuple[Pair, Evidence]:
    """Each thing each bank can say."""
    name, number = request.param
    return Pair(CONNECTORS[name], SIDES[name]), SIDES[name].samples[number]
