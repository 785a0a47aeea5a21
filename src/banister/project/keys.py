"""The settings as data: their names, kinds, defaults and what they are for."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "KEYS",
    "SYSTEM_ROOTS",
    "Key",
    "Kind",
    "key_named",
]

#: In the place of a file: the authorities that this machine trusts.
SYSTEM_ROOTS = "system"


class Kind(StrEnum):
    """What a setting's value looks like."""

    TEXT = "text"
    WORD = "one of the words named"
    FLAG = "true or false"
    NUMBER = "a whole number"
    #: Text such as "5s"; read as seconds.
    DURATION = "a duration"
    NAMES = "a list of names"
    #: In their order, for a program that is started.
    ARGUMENTS = "a list of arguments"
    #: True stands for the tag "demo".
    TAGS_OR_FLAG = "true, false or a list of tags"
    #: Only in an `[env.NAME]` table.
    URL = "a database URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One setting."""

    #: As written in the file; the variable is `BANISTER_` and this in capitals.
    name: str
    kind: Kind
    #: As written in the file; None: nothing.
    default: str | bool | int | tuple[str, ...] | None = None
    doc: str
    #: WORD: what it takes.
    words: tuple[str, ...] = ()
    #: PostgreSQL names: at most this many bytes.
    max_bytes: int | None = None
    #: Durations: whether 0 is refused.
    above_zero: bool = False
    #: NUMBER: the least and the most that it takes.
    bounds: tuple[int, int] = (0, 2**63 - 1)

    @property
    def variable(self) -> str:
        """The environment variable for this setting."""
        return f"BANISTER_{self.name.upper()}"


KEYS: tuple[Key, ...] = (
    Key(
        name="dir",
        kind=Kind.TEXT,
        default="migrations",
        doc="The migrations folder, relative to the folder of the settings file.",
    ),
    Key(
        name="history_schema",
        kind=Kind.TEXT,
        default="public",
        doc="PostgreSQL: the schema that holds the history table and its log.",
        max_bytes=63,
    ),
    Key(
        name="history_table",
        kind=Kind.TEXT,
        default="schema_migrations",
        doc="The history table; its log stands beside it under this name and `_log`.",
        max_bytes=63 - len("_log"),
    ),
    Key(
        name="skip_tags",
        kind=Kind.NAMES,
        default=(),
        doc="Migrations with one of these tags are not run.",
    ),
    Key(
        name="seed_when_empty",
        kind=Kind.TAGS_OR_FLAG,
        default=False,
        doc='Run migrations with these tags only in a database that was new; true means "demo".',
    ),
    Key(
        name="lock_timeout",
        kind=Kind.DURATION,
        default="1s",
        doc="How long a statement may wait for a lock before the migration is rolled back and "
        "tried again; later attempts wait up to 5s.",
        above_zero=True,
    ),
    Key(
        name="lock_retry",
        kind=Kind.DURATION,
        default="15min",
        doc="How long a migration is tried again while other sessions hold locks that it needs.",
    ),
    Key(
        name="statement_timeout",
        kind=Kind.DURATION,
        doc="PostgreSQL: how long a statement may run; no bound where it is not set, or 0s.",
    ),
    Key(
        name="lock_wait",
        kind=Kind.DURATION,
        default="10min",
        doc="How long to wait for another run of Banister on the same database.",
    ),
    Key(
        name="role",
        kind=Kind.TEXT,
        doc="PostgreSQL: the role that everything runs as, by SET ROLE after the login.",
        max_bytes=63,
    ),
    Key(
        name="search_path",
        kind=Kind.TEXT,
        doc="PostgreSQL: the search_path that every migration starts with.",
    ),
    Key(
        name="timezone",
        kind=Kind.TEXT,
        doc="PostgreSQL: the time zone that every migration starts with.",
    ),
    Key(
        name="sslmode",
        kind=Kind.WORD,
        words=("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
        doc="PostgreSQL: disable, allow, prefer, require, verify-ca or verify-full, as libpq has "
        "them; it holds where the URL does not say.",
    ),
    Key(
        name="sslrootcert",
        kind=Kind.TEXT,
        doc="PostgreSQL: the file with the authority that signs the server's certificate, relative "
        "to the folder of the settings file; `system`: those that this machine trusts. It holds "
        "where the URL does not say.",
    ),
    Key(
        name="scratch_url",
        kind=Kind.TEXT,
        doc="PostgreSQL: a server on which scratch databases may be made, where --scratch-url does "
        "not say; ${NAME} in it stands for an environment variable or a line of .env.",
    ),
    Key(
        name="scratch_roles",
        kind=Kind.NAMES,
        default=(),
        doc="PostgreSQL: roles that the migrations name and somebody else makes; a scratch server "
        "of our own is given them.",
        max_bytes=63,
    ),
    Key(
        name="verify_unit",
        kind=Kind.WORD,
        default="migration",
        words=("migration", "chain"),
        doc="What `verify` proves as one: each `migration`, or the whole `chain` where files undo "
        "each other only together.",
    ),
    Key(
        name="verify_data",
        kind=Kind.FLAG,
        default=True,
        doc="Whether `verify` puts generated rows into the tables and looks what a rollback does "
        "to them.",
    ),
    Key(
        name="drift_ignore",
        kind=Kind.NAMES,
        default=(),
        doc='What `drift` passes over, such as `"extension *"`, `"schema monitoring"` with all '
        'that is in it, or `"table audit_*"`.',
    ),
    Key(
        name="plan_rehearse",
        kind=Kind.FLAG,
        default=True,
        doc="PostgreSQL: whether `plan` carries pending migrations out on a scratch copy.",
    ),
    Key(
        name="plan_check",
        kind=Kind.WORD,
        default="blocks-writes",
        words=(
            "brief-lock",
            "blocks-writes",
            "blocks-all",
            "loses-data",
            "cannot-run",
        ),
        doc="From which verdict on `plan --check` exits with 3: `brief-lock`, `blocks-writes`, "
        "`blocks-all`, `loses-data` or `cannot-run`.",
    ),
    Key(
        name="plan_other_major",
        kind=Kind.FLAG,
        default=False,
        doc="Whether `plan --check` is content with a scratch server of another major version "
        "than the target's.",
    ),
    Key(
        name="plan_small_rows",
        kind=Kind.NUMBER,
        default=10_000,
        doc="A table with at most so many rows, and `plan_small_bytes`, is too small to be worth "
        "a warning.",
    ),
    Key(
        name="plan_small_bytes",
        kind=Kind.NUMBER,
        default=16 * 1024 * 1024,
        doc="The same, in bytes, with its indexes.",
    ),
    Key(
        name="backup",
        kind=Kind.WORD,
        default="never",
        words=("always", "when-destructive", "never"),
        doc="Whether `up` and `down` make a backup before they run, and stop where it is not good: "
        "`always`, `when-destructive` (when rows or values would be lost "
        "or changed, or that cannot be told) or "
        "`never`.",
    ),
    Key(
        name="backup_dir",
        kind=Kind.TEXT,
        default="backups",
        doc="The folder of backups, relative to the folder of the settings file.",
    ),
    Key(
        name="backup_form",
        kind=Kind.WORD,
        default="plain",
        words=("plain", "custom", "directory"),
        doc="PostgreSQL: `plain` SQL for psql, or what pg_restore reads: `custom`, `directory`.",
    ),
    Key(
        name="backup_compress",
        kind=Kind.FLAG,
        default=False,
        doc="Whether backups are compressed.",
    ),
    Key(
        name="backup_jobs",
        kind=Kind.NUMBER,
        default=2,
        bounds=(1, 64),
        doc="PostgreSQL, `directory`: how many tables are written, or put back, at once.",
    ),
    Key(
        name="backup_test",
        kind=Kind.FLAG,
        default=True,
        doc="Whether a backup that a run makes is restored into a scratch database before it "
        "counts.",
    ),
    Key(
        name="backup_keep",
        kind=Kind.NUMBER,
        default=0,
        doc="How many backups of a database are kept; 0: all of them. The last good one always is.",
    ),
    Key(
        name="backup_keep_days",
        kind=Kind.NUMBER,
        default=0,
        bounds=(0, 36_500),
        doc="Backups older than so many days are removed; 0: none. The last good one never is.",
    ),
    Key(
        name="backup_rows",
        kind=Kind.FLAG,
        default=False,
        doc="PostgreSQL: whether rows that a migration takes away are saved first, in its own "
        "transaction.",
    ),
    Key(
        name="backup_command",
        kind=Kind.ARGUMENTS,
        default=(),
        doc="A program with its arguments that makes the backup instead, such as the platform's "
        "own.",
    ),
    Key(
        name="show_queries",
        kind=Kind.FLAG,
        default=False,
        doc="PostgreSQL: show also what the sessions run that a migration waits for; the text may "
        "hold data.",
    ),
    Key(
        name="out_of_order",
        kind=Kind.FLAG,
        default=False,
        doc="Also apply migrations whose number is below the highest applied one.",
    ),
    Key(
        name="url",
        kind=Kind.URL,
        doc="The database of an environment, in its [env.NAME] table only; ${NAME} in it stands "
        "for an environment variable or a line of .env.",
    ),
)


def key_named(name: str) -> Key | None:
    """Return the setting of that name."""
    return next((key for key in KEYS if key.name == name), None)
