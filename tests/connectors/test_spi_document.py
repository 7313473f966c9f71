"""The examples in docs/api/connector-spi.md run as they stand."""

import doctest
from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "docs" / "api" / "connector-spi.md"


def test_the_examples_of_the_document_run() -> None:
    text = PAGE.read_text(encoding="utf-8")
    test = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    said: list[str] = []

    result = doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL).run(test, out=said.append)

    assert result.attempted > 20
    assert not said, "".join(said)
