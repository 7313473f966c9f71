"""How a language writes numbers, money, days and the names of rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final, Literal

from paygw.kernel.fees.model import Label

Language = Literal["vi", "en"]

_PLACES: Final = 4


@dataclass(frozen=True, slots=True)
class Speech:
    """A language: its templates and how it writes numbers and days."""

    language: Language
    texts: Mapping[str, str]
    labels: Mapping[str, Label]

    def say(self, key: str, **values: str) -> str:
        """A template of this language, filled in."""
        return self.texts[key].format(**values)

    def name(self, rule_id: str) -> str:
        """What people call a case or a relief; its id where the catalogue has no words for it."""
        label = self.labels.get(rule_id)
        if label is None:
            return rule_id
        return label.vi if self.language == "vi" else label.en

    def money(self, amount: Fraction | int) -> str:
        """An amount of đồng."""
        return self.texts["vnd"].format(self.number(amount))

    def number(self, value: Fraction | int) -> str:
        """Grouped, with at most four decimals; says so where that is not the whole truth."""
        if value.denominator == 1:
            whole_text = f"{value.numerator:,}"
            return whole_text.replace(",", ".") if self.language == "vi" else whole_text
        scaled = round(value * 10**_PLACES)
        whole, part = divmod(abs(scaled), 10**_PLACES)
        places = str(part).zfill(_PLACES).rstrip("0")
        text = f"{'-' if scaled < 0 else ''}{whole:,}{'.' if places else ''}{places}"
        if self.language == "vi":
            text = text.translate(_SWAP)
        return text if Fraction(scaled, 10**_PLACES) == value else self.texts["about"].format(text)

    def day(self, day: date) -> str:
        """A calendar day."""
        return day.strftime("%d/%m/%Y") if self.language == "vi" else day.isoformat()


_SWAP: Final = str.maketrans(",.", ".,")
