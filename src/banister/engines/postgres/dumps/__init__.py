"""All that is in a PostgreSQL database, out into files and back, by the server's own programs."""

from banister.engines.postgres.dumps.postgres import PostgresDumps

__all__ = ["PostgresDumps"]
