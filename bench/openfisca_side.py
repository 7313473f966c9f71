"""Procedure 1.004194 in openfisca-core, run by an interpreter that has it: `python bench/openfisca_side.py`.

`bench.openfisca` runs it in an environment of its own (requirements/bench-fees.lock). Prints JSON: microseconds of one
question as a simulation of its own, and of one question in a simulation of all of them at once.
"""

import json
import time
from typing import Any

import numpy as np
from openfisca_core.entities import build_entity  # type: ignore[import-not-found]  # the same
from openfisca_core.indexed_enums import Enum  # type: ignore[import-not-found]  # the same
from openfisca_core.parameters import ParameterNode  # type: ignore[import-not-found]  # the same
from openfisca_core.periods import DateUnit  # type: ignore[import-not-found]  # the same
from openfisca_core.simulations import SimulationBuilder  # type: ignore[import-not-found]  # the same
from openfisca_core.taxbenefitsystems import TaxBenefitSystem  # type: ignore[import-not-found]  # the same
from openfisca_core.variables import Variable  # type: ignore[import-not-found]  # the same

DAY = "2025-05-05"
SINGLE = 300
MANY = 100_000

Dossier = build_entity(
    key="dossier", plural="dossiers", label="A dossier", roles=None, is_person=True, doc="A question"
)


class Channel(Enum):  # type: ignore[misc]  # openfisca has no types here
    """How it is handed in."""

    counter = "counter"
    online = "online"


class Mode(Enum):  # type: ignore[misc]  # the same
    """One person, or a list."""

    single = "single"
    list = "list"


class channel(Variable):  # type: ignore[misc]  # noqa: N801 - openfisca has no types here, and names variables by classes
    """A fact."""

    value_type = Enum
    possible_values = Channel
    default_value = Channel.counter
    entity = Dossier
    definition_period = DateUnit.DAY


class mode(Variable):  # type: ignore[misc]  # noqa: N801 - the same
    """A fact."""

    value_type = Enum
    possible_values = Mode
    default_value = Mode.single
    entity = Dossier
    definition_period = DateUnit.DAY


class persons(Variable):  # type: ignore[misc]  # noqa: N801 - the same
    """A fact."""

    value_type = int
    default_value = 1
    entity = Dossier
    definition_period = DateUnit.DAY


class le_phi(Variable):  # type: ignore[misc]  # noqa: N801 - the same
    """The charge."""

    value_type = int
    entity = Dossier
    definition_period = DateUnit.DAY

    def formula(dossier: Any, period: Any, parameters: Any) -> Any:  # noqa: ANN401, N805 - openfisca's own shape
        """Price by channel and mode, times persons."""
        price = parameters(period).le_phi
        online = dossier("channel", period) == Channel.online
        listed = dossier("mode", period) == Mode.list
        each = np.where(
            listed,
            np.where(online, price.list_online, price.list_counter),
            np.where(online, price.online, price.counter),
        )
        return each * dossier("persons", period)


def system() -> TaxBenefitSystem:
    """The tariff of one procedure."""
    made = TaxBenefitSystem([Dossier])
    made.add_variables(channel, mode, persons, le_phi)
    prices = {"counter": 15_000, "online": 7_000, "list_counter": 10_000, "list_online": 5_000}
    data = {name: {"values": {"2023-02-05": {"value": value}}} for name, value in prices.items()}
    made.parameters = ParameterNode("", data={"le_phi": data})
    return made


def one(made: TaxBenefitSystem) -> float:
    """One question, a simulation of its own."""
    asked = {
        "dossiers": {
            "a": {
                "channel": {DAY: "counter"},
                "mode": {DAY: "list"},
                "persons": {DAY: 25},
                "le_phi": {DAY: None},
            }
        }
    }
    simulation = SimulationBuilder().build_from_dict(made, asked)
    return float(simulation.calculate("le_phi", DAY)[0])


def many(made: TaxBenefitSystem) -> int:
    """All questions in one simulation of arrays."""
    simulation = SimulationBuilder().build_default_simulation(made, MANY)
    simulation.set_input("channel", DAY, np.zeros(MANY, dtype=int))
    simulation.set_input("mode", DAY, np.ones(MANY, dtype=int))
    simulation.set_input("persons", DAY, np.full(MANY, 25))
    return int(simulation.calculate("le_phi", DAY).sum())


def main() -> None:
    """Measure and print."""
    made = system()
    assert one(made) == 250_000
    assert many(made) == 250_000 * MANY
    started = time.perf_counter()
    for _ in range(SINGLE):
        one(made)
    single_us = (time.perf_counter() - started) / SINGLE * 1e6
    started = time.perf_counter()
    many(made)
    many_us = (time.perf_counter() - started) / MANY * 1e6
    print(json.dumps({"single_us": round(single_us, 1), "many_us": round(many_us, 3)}))


if __name__ == "__main__":
    main()
