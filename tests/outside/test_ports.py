"""Ports chosen for processes that are started a moment later."""

import os
import socket
import subprocess
import sys

import pytest

from paygw.outside.ports import free_port

pytestmark = pytest.mark.net
_OTHER = "import os\nfrom paygw.outside.ports import free_port\nprint(os.getpid(), *(free_port() for _ in range(20)))"


def test_a_port_is_given_once_and_can_be_opened() -> None:
    ports = [free_port() for _ in range(50)]

    assert len(set(ports)) == len(ports)
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


def test_a_port_of_the_systems_own_is_not_given() -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))

        assert max(free_port() for _ in range(50)) < door.getsockname()[1]


def test_two_processes_are_given_different_ports() -> None:
    while True:
        other = subprocess.run([sys.executable, "-c", _OTHER], check=True, capture_output=True, text=True)
        pid, *theirs = map(int, other.stdout.split())
        if (pid - os.getpid()) % 64:  # else both use one lane: numbers 64 apart, which is rare
            break

    assert not set(theirs) & {free_port() for _ in range(400)}


def test_a_taken_port_is_passed_over() -> None:
    taken = [socket.create_server(("127.0.0.1", free_port())) for _ in range(5)]
    try:
        ports = {free_port() for _ in range(400)}

        assert not ports & {door.getsockname()[1] for door in taken}
    finally:
        for door in taken:
            door.close()
