"""What a statement did to files and rows, told from the catalogs before and after it. No I/O."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from banister.model import Build, Catalog, RelationFacts, RelationKind, Rewrite, Scan

__all__ = ["Effects"]

#: What the server says at DEBUG1, in English.
_REWRITING = re.compile(r'rewriting table "(.+)"\Z')
_VERIFYING = re.compile(r'verifying table "(.+)"\Z')
_FOREIGN_KEY = re.compile(r'validating foreign key constraint "(.+)"\Z')
#: Statements that write a table again without saying so.
_SILENT_REWRITES = frozenset({"CLUSTER", "VACUUM"})
_TABLES = frozenset({RelationKind.TABLE, RelationKind.MATERIALIZED_VIEW})
_INDEXES = frozenset({RelationKind.INDEX, RelationKind.PARTITIONED_INDEX})


@dataclass(frozen=True, kw_only=True)
class Effects:
    """Two looks at the catalogs, and what was said and counted in between."""

    before: Catalog
    after: Catalog
    #: What the server said.
    said: tuple[str, ...]
    #: The first words of the statement, in upper case.
    words: tuple[str, ...]
    #: Relations that the session has locks on: those that names in `said` may mean.
    locked: Collection[int]
    #: Tables that were read from one end to the other, as far as it was counted.
    scanned: Collection[int]
    #: Of the relations that have another file: those in which nothing is.
    emptied: Collection[int] = ()
    #: The statement itself.
    text: str = ""

    @cached_property
    def rewrites(self) -> tuple[Rewrite, ...]:
        """Relations that have another file now."""
        return tuple(self._rewrites())

    def _rewrites(self) -> Iterator[Rewrite]:
        written_again = self._named(_REWRITING)
        for oid, after in self.after.relations.items():
            before = self.before.relations.get(oid)
            if before is None or before.filenode in {0, after.filenode} or after.kind in _INDEXES:
                continue
            if after.kind is RelationKind.SEQUENCE:
                how = "reset"
            elif oid in written_again or self._silently_written(before, after):
                how = "rewrite"
            else:
                how = "truncate" if self._is_emptied(oid) else "rewrite"
            reasons = tuple(self._reasons(before, after)) if how == "rewrite" else ()
            yield _rewrite(before, how, reasons)
        for oid in self._emptied_in_place():
            yield _rewrite(self.before.relations[oid], "truncate")

    def _is_emptied(self, oid: int) -> bool:
        """Whether a new file is one without the old rows; a function may hide what the server says.

        https://www.postgresql.org/docs/current/plpgsql-errors-and-messages.html
        """
        if self.words[:1] == ("TRUNCATE",):
            return True
        return oid in self.emptied and self.words[:1] != ("ALTER",)

    def _emptied_in_place(self) -> Iterator[int]:
        """Yield tables that a TRUNCATE empties, and that this transaction had written again before.

        They keep their file then: nobody else has seen it.
        """
        if self.words[:1] != ("TRUNCATE",):
            return
        text = self.text.lower()
        for oid in sorted(self.locked):
            before, after = self.before.relations.get(oid), self.after.relations.get(oid)
            if before is None or after is None or before.kind is not RelationKind.TABLE:
                continue
            if before.filenode == after.filenode and before.bare_name.lower() in text:
                yield oid

    def _silently_written(self, before: RelationFacts, after: RelationFacts) -> bool:
        return (
            after.kind is RelationKind.MATERIALIZED_VIEW
            or bool(_SILENT_REWRITES.intersection(self.words[:1]))
            or before.tablespace != after.tablespace
            or before.persistence != after.persistence
            or before.access_method != after.access_method
        )

    def _reasons(self, before: RelationFacts, after: RelationFacts) -> Iterator[str]:
        if before.persistence != after.persistence:
            yield "persistence"
        if before.access_method != after.access_method:
            yield "access method"
        if before.tablespace != after.tablespace:
            yield "tablespace"
        old = {key: c for key, c in self.before.columns.items() if key[0] == after.oid}
        new = {key: c for key, c in self.after.columns.items() if key[0] == after.oid}
        both = old.keys() & new.keys()
        if any(old[key].type != new[key].type for key in both):
            yield "type"
        if new.keys() - old.keys() or any(
            new[key].generated and old[key].default != new[key].default for key in both
        ):
            yield "default"

    @cached_property
    def builds(self) -> tuple[Build, ...]:
        """Indexes that were made from rows; those of rewritten tables are not told again."""
        again = {rewrite.relation_oid for rewrite in self.rewrites}
        before = self.before.relations
        gone = {
            facts.filenode
            for oid, facts in before.items()
            if facts.kind in _INDEXES and oid not in self.after.relations
        }
        found = []
        for oid, index in self.after.indexes.items():
            relation = self.after.relations.get(oid)
            if relation is None or relation.kind is not RelationKind.INDEX:
                continue
            old = before.get(oid)
            made = old is None and relation.filenode not in gone
            built_again = old is not None and old.filenode != relation.filenode
            # The rows of a table that the statement makes are its own business.
            if (made or built_again) and index.table_oid in before and index.table_oid not in again:
                found.append(
                    Build(
                        index_oid=oid,
                        index=relation.name,
                        table_oid=index.table_oid,
                        table=index.table,
                    )
                )
        return tuple(found)

    @cached_property
    def scans(self) -> tuple[Scan, ...]:
        """Tables that were read whole, but for those that a rewrite or a build explains."""
        verified = self._named(_VERIFYING)
        referring = self._of_foreign_keys()
        explained = {rewrite.table_oid for rewrite in self.rewrites}
        explained |= {build.table_oid for build in self.builds}
        scans = []
        for oid in sorted({*self.scanned, *verified, *referring}):
            facts = self.before.relations.get(oid)
            if facts is None or facts.kind not in _TABLES:
                continue
            if oid in verified:
                why = "verify"
            elif oid in referring:
                why = "foreign key"
            elif oid in explained:
                continue
            else:
                why = "read"
            scans.append(Scan(table_oid=oid, table=facts.name, why=why))
        return tuple(scans)

    def _of_foreign_keys(self) -> set[int]:
        """Return both sides of the foreign keys that were checked against all rows."""
        names = {found[1] for text in self.said if (found := _FOREIGN_KEY.search(text))}
        return {
            oid
            for key in self.after.constraints.values()
            if key.kind == "foreign key" and key.name.strip('"') in names
            and key.table_oid in self.locked
            for oid in (key.table_oid, key.references_oid)
            if oid is not None
        }  # fmt: skip

    def _named(self, pattern: re.Pattern[str]) -> set[int]:
        """Return the locked tables whose names the server has said in that way."""
        names = {found[1] for text in self.said if (found := pattern.search(text))}
        return set(self._locked_as(names))

    def _locked_as(self, names: Iterable[str]) -> Iterator[int]:
        wanted = set(names)
        for oid in self.locked:
            facts = self.before.relations.get(oid)
            if facts is not None and facts.bare_name in wanted and facts.kind not in _INDEXES:
                yield oid


def _rewrite(before: RelationFacts, how: str, reasons: tuple[str, ...] = ()) -> Rewrite:
    return Rewrite(
        relation_oid=before.oid,
        relation=before.name,
        kind=before.kind,
        table=before.name,
        table_oid=before.oid,
        how=how,
        reasons=reasons,
    )
