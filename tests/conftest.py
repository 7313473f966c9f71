"""What every test gets: no network unless its marker asks for it, and the database fixtures."""

import hypothesis
import pytest

# No test asserts times: on a busy machine an example may take a second. A change is judged by the same examples every
# time; `make soak` looks for new ones, and what it finds becomes an example or a test of its own.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)
hypothesis.settings.register_profile("exploring", deadline=None, print_blob=True)
hypothesis.settings.load_profile("steady")

pytest_plugins = ["tests.db_fixtures", "tests.hub_fixtures", "tests.sandbox_fixtures"]

# Any of these markers opens the network for one test. All others run with unix sockets only.
_NETWORKED = ("db", "net", "browser", "peers", "drill")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Open the network for the tests that declare that they need it."""
    for item in items:
        if any(item.get_closest_marker(name) for name in _NETWORKED):
            item.add_marker(pytest.mark.enable_socket)
