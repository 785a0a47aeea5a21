"""The PostgreSQL adapter, on psycopg 3."""

from banister.engines.postgres.engine import PostgresEngine

__all__ = ["PostgresEngine"]
