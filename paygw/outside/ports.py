"""Ports for processes that open theirs a moment after it was chosen for them."""

import os
import secrets
import socket
from itertools import count
from pathlib import Path

_FIRST = 10_240
_LAST = 32_767  # systems give their own out above: Linux from 32,768, the others from 49,152
_LANES = 64  # processes of one run have numbers close to each other: each keeps to a lane of its own
_SYSTEM_OWN = Path("/proc/sys/net/ipv4/ip_local_port_range")
_TURN = count(secrets.randbelow(_LAST))


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has, and that the system gives to no connection by itself.

    A port asked of the system (0) can be given to another process before ours opens it. This one comes from below
    those, from the lane of this process, and never twice in a row. Raises OSError when the whole lane is taken.
    """
    lane = range(_FIRST + os.getpid() % _LANES, _below_the_systems_own() + 1, _LANES)
    for _ in lane:
        port = lane[next(_TURN) % len(lane)]
        with socket.socket() as door:
            try:
                door.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise OSError(f"no free port on 127.0.0.1 between {lane[0]} and {lane[-1]}")


def _below_the_systems_own() -> int:
    try:
        lowest = int(_SYSTEM_OWN.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return _LAST
    # An operator who lets the system use nearly all ports leaves none to keep away from.
    return min(_LAST, lowest - 1) if lowest >= 2 * _FIRST else _LAST
