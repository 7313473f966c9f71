"""The fence around unit tests: no network without a marker, event loops untouched."""

import asyncio
import socket

import pytest
from pytest_socket import SocketBlockedError


@pytest.mark.filterwarnings("ignore:A test tried to use socket")
def test_unit_tests_cannot_open_a_network_socket() -> None:
    with pytest.raises(SocketBlockedError):
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)


async def test_event_loops_run_behind_the_fence() -> None:
    assert await asyncio.to_thread(lambda: 42) == 42


@pytest.mark.net
def test_a_marked_test_reaches_the_loopback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert server.getsockname()[1] > 0
