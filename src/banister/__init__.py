"""Versioned SQL migrations for PostgreSQL and SQLite."""
