"""Field by field: nothing of a webhook can be dropped, changed or repeated so that it says something else."""

from dataclasses import replace
from typing import TypeAlias

from paygw.kernel.evidence import Evidence
from tests.conformance.altering import changed, dropped, parts, repeated
from tests.conformance.pairs import Pair
from tests.conformance.test_webhooks import means_the_same_or_nothing

Spoken: TypeAlias = tuple[Pair, Evidence]


def test_every_changed_field_is_noticed(spoken: Spoken) -> None:
    pair, evidence = spoken
    message = pair.told(evidence)

    for part in parts(message):
        means_the_same_or_nothing(pair, changed(message, part), message)


def test_every_dropped_field_is_noticed(spoken: Spoken) -> None:
    pair, evidence = spoken
    message = pair.told(evidence)

    for part in parts(message):
        means_the_same_or_nothing(pair, dropped(message, part), message)


def test_every_repeated_field_is_noticed(spoken: Spoken) -> None:
    pair, evidence = spoken
    message = pair.told(evidence)

    for part in parts(message):
        for twice in repeated(message, part):
            means_the_same_or_nothing(pair, twice, message)


def test_no_missing_field_opens_the_way_for_a_changed_one(spoken: Spoken) -> None:
    """A signature that is not there is as good as a wrong one."""
    pair, evidence = spoken
    message = pair.told(evidence)

    for gone in parts(message):
        without = dropped(message, gone)
        for other in parts(without):
            means_the_same_or_nothing(pair, changed(without, other), message)


def test_no_missing_header_opens_the_way_for_a_changed_field(spoken: Spoken) -> None:
    pair, evidence = spoken
    message = pair.told(evidence)

    for name in message.headers:
        kept = {key: value for key, value in message.headers.items() if key != name}
        for part in parts(message):
            means_the_same_or_nothing(pair, changed(replace(message, headers=kept), part), message)


def test_every_changed_character_of_the_query_is_noticed(spoken: Spoken) -> None:
    pair, evidence = spoken
    message = pair.told(evidence)

    for place in range(message.url.find("?") + 1 or len(message.url), len(message.url)):
        other = chr(ord(message.url[place]) ^ 0x01)
        url = message.url[:place] + other + message.url[place + 1 :]
        means_the_same_or_nothing(pair, replace(message, url=url), message)
