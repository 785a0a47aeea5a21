"""A PostgreSQL of the project's own: no installation, no password, no port on the network."""

from banister.engines.embedded.binaries import Binaries, find_binaries
from banister.engines.embedded.cluster import Running, find_running, start, stop
from banister.engines.embedded.project import embedded, server_start, server_stop, server_url

__all__ = [
    "Binaries",
    "Running",
    "embedded",
    "find_binaries",
    "find_running",
    "server_start",
    "server_stop",
    "server_url",
    "start",
    "stop",
]
