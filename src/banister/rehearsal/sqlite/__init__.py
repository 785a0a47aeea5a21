"""Rehearsals on a copy of a SQLite file: `rehearse` acts, all else only judges."""
