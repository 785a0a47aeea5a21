"""Random pairs of schemas, and whether two snapshots agree with what pg_dump writes of them.

    python tests/judges/agreement.py 500 [--seed N]

prints how many pairs there were, how many of them were the same, and where the two disagree.
"""

import argparse
import random
import sys
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from banister.snapshot import Snapshot, Weight, compare
from servers import MAJORS, PostgresDatabase, Servers
from snapshot_kit import dump, make_roles, snapshot_of

__all__ = ["CHOICES", "NONE", "Schema", "build", "same"]

BASE = """
    DROP SCHEMA IF EXISTS r CASCADE;
    CREATE SCHEMA r;
    SET search_path = r;
    CREATE TABLE a (id integer, x integer, y text);
    CREATE TABLE b (id integer PRIMARY KEY, a integer, d daterange);
    CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE SEQUENCE s;
    CREATE DOMAIN short AS text;
"""
#: Of each line at most one is done, and each can be done without the others.
CHOICES = [
    ["ALTER TABLE a ADD c integer", "ALTER TABLE a ADD c text", "ALTER TABLE a ADD c mood"],
    ["ALTER TABLE a ADD e bigint DEFAULT 7", "ALTER TABLE a ADD e bigint NOT NULL DEFAULT 7"],
    ["ALTER TABLE a ADD f int GENERATED ALWAYS AS IDENTITY", "ALTER TABLE a ADD f serial"],
    ["ALTER TABLE a ADD g int GENERATED ALWAYS AS (id) STORED", "ALTER TABLE a ADD g int"],
    ["ALTER TABLE a ALTER y TYPE varchar(9)", 'ALTER TABLE a ALTER y TYPE text COLLATE "C"'],
    ["ALTER TABLE a ADD PRIMARY KEY (id)", "ALTER TABLE a ADD UNIQUE (id)"],
    ["ALTER TABLE a ADD CHECK (x > 0)", "ALTER TABLE a ADD CHECK (x > 0) NOT VALID"],
    ["ALTER TABLE a ADD FOREIGN KEY (x) REFERENCES b", "ALTER TABLE a ALTER x SET NOT NULL"],
    ["CREATE INDEX i ON a (x)", "CREATE INDEX i ON a (x) WHERE x > 3", "CREATE INDEX i ON a (y)"],
    ["CREATE UNIQUE INDEX u ON b (a)", "CREATE UNIQUE INDEX u ON b (a DESC)"],
    ["ALTER TABLE b ADD EXCLUDE USING gist (d WITH &&)"],
    ["CREATE VIEW v AS SELECT id FROM b", "CREATE VIEW v AS SELECT id FROM b WHERE id > 1"],
    ["CREATE MATERIALIZED VIEW m AS SELECT 1 AS n", "CREATE VIEW m AS SELECT 1 AS n"],
    ["CREATE TRIGGER t BEFORE INSERT ON b FOR EACH ROW EXECUTE FUNCTION tf()"],
    ["CREATE RULE n AS ON INSERT TO b DO NOTIFY x", "CREATE RULE n AS ON DELETE TO b DO NOTIFY x"],
    ["ALTER TABLE b ENABLE ROW LEVEL SECURITY", "ALTER TABLE b FORCE ROW LEVEL SECURITY"],
    ["CREATE POLICY p ON b USING (true)", "CREATE POLICY p ON b TO reader USING (true)"],
    ["GRANT SELECT ON b TO reader", "GRANT ALL ON b TO reader", "REVOKE DELETE ON b FROM postgres"],
    ["GRANT SELECT (id) ON b TO reader", "GRANT UPDATE (id) ON b TO reader"],
    ["REVOKE EXECUTE ON FUNCTION tf FROM PUBLIC", "GRANT EXECUTE ON FUNCTION tf TO reader"],
    ["ALTER TABLE a OWNER TO reader"],
    ["COMMENT ON TABLE b IS 'x'", "COMMENT ON COLUMN b.a IS 'x'", "COMMENT ON TABLE b IS 'y'"],
    ["ALTER TYPE mood ADD VALUE 'up'", "ALTER TYPE mood ADD VALUE 'up' BEFORE 'ok'"],
    ["ALTER SEQUENCE s OWNED BY b.id", "ALTER SEQUENCE s INCREMENT 3", "ALTER SEQUENCE s CYCLE"],
    ["ALTER DOMAIN short SET NOT NULL", "ALTER DOMAIN short ADD CHECK (VALUE <> '')"],
    ["ALTER TABLE b SET (fillfactor = 50)", "ALTER TABLE b REPLICA IDENTITY FULL"],
    ["ALTER TABLE b ALTER a SET STATISTICS 9"],
    ["CREATE FUNCTION f() RETURNS int RETURN 1", "CREATE FUNCTION f(a int) RETURNS int RETURN 1"],
    ["CREATE TABLE k (LIKE b)", "CREATE TABLE k () INHERITS (b)"],
    ["CREATE STATISTICS z ON id, a FROM b", "CREATE STATISTICS z (mcv) ON id, a FROM b"],
]
#: Which choice of which line, in the order in which they are made.
Schema = list[tuple[int, int]]
NONE = -1


def same(one: Snapshot, other: Snapshot) -> bool:
    """Whether nothing but the order of columns and the wording differs."""
    return all(found.weight is not Weight.REAL for found in compare(one, other))


def build(database: PostgresDatabase, schema: Schema) -> tuple[Snapshot, tuple[str, ...]]:
    statements = [CHOICES[line][choice] for line, choice in schema if choice != NONE]
    with closing(database.connect()) as connection:
        for statement in [BASE, *statements]:
            connection.execute(statement.encode())
        return snapshot_of(connection), dump(database)


def random_pair(chance: random.Random) -> tuple[Schema, Schema]:
    """Return two schemas that differ in at most two lines, in any order each."""
    one = {line: chance.randrange(NONE, len(kinds)) for line, kinds in enumerate(CHOICES)}
    changed = chance.sample(sorted(one), chance.randrange(3))
    other = {**one, **{line: chance.randrange(NONE, len(CHOICES[line])) for line in changed}}
    first, second = ([*each.items()] for each in (one, other))
    chance.shuffle(first)
    chance.shuffle(second)
    return first, second


def main() -> int:
    """Compare pairs; 1 where the two judges disagree about one."""
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int, nargs="?", default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    equal = disagreed = 0
    servers = Servers()
    try:
        with servers.database(MAJORS[-1]) as database:
            make_roles(database)
            for number in range(options.count):
                (one, dumped), (other, dumped_other) = (
                    build(database, schema) for schema in random_pair(chance)
                )
                equal += dumped == dumped_other
                if same(one, other) != (dumped == dumped_other):
                    disagreed += 1
                    print(f"pair {number}: {[str(each) for each in compare(one, other)]}")
    finally:
        servers.close()
    print(
        f"{options.count} pairs, {equal} of them the same for pg_dump: {disagreed} judged otherwise"
    )
    return 1 if disagreed else 0


if __name__ == "__main__":
    sys.exit(main())
