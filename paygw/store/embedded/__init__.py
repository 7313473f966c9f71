"""A real PostgreSQL under `var`, started on first use and recovered without hands.

`start(var_dir)` gives a `Cluster`: its `owner_dsn`, `runtime_dsn` and `super_dsn` say how to connect. The first process
starts a supervisor that owns the server; the others join it; it ends when the last of them has left or died.
"""

from paygw.store.embedded.cluster import Cluster, start
from paygw.store.embedded.copies import copy_out, move_data, put_in_place, require_vacant
from paygw.store.embedded.errors import EmbeddedError
from paygw.store.embedded.options import Options

__all__ = [
    "Cluster",
    "EmbeddedError",
    "Options",
    "copy_out",
    "move_data",
    "put_in_place",
    "require_vacant",
    "start",
]
