"""The user's folder and settings: which files, which database, what holds for this run."""

from typing import TYPE_CHECKING

from banister.later import imports_later

if TYPE_CHECKING:
    from banister.project.config import Settings, load_settings
    from banister.project.files import count_migrations, has_files_for, read_folder
    from banister.project.git import changed_since
    from banister.project.keys import KEYS, Key, Kind
    from banister.project.new_files import (
        new_pair,
        next_number,
        next_version,
        sql_files,
        write_pair,
    )
    from banister.project.scaffold import start_project
    from banister.project.secrets import redact
    from banister.project.squawk import squawk_folder
    from banister.project.target import (
        Target,
        TargetKind,
        choose_scratch,
        choose_target,
        no_target_error,
    )

__all__ = [
    "KEYS",
    "Key",
    "Kind",
    "Settings",
    "Target",
    "TargetKind",
    "changed_since",
    "choose_scratch",
    "choose_target",
    "count_migrations",
    "has_files_for",
    "load_settings",
    "new_pair",
    "next_number",
    "next_version",
    "no_target_error",
    "read_folder",
    "redact",
    "sql_files",
    "squawk_folder",
    "start_project",
    "write_pair",
]

if not TYPE_CHECKING:
    __getattr__ = imports_later(
        __name__,
        {
            "config": "Settings load_settings",
            "files": "count_migrations has_files_for read_folder",
            "git": "changed_since",
            "keys": "KEYS Key Kind",
            "new_files": "new_pair next_number next_version sql_files write_pair",
            "scaffold": "start_project",
            "secrets": "redact",
            "squawk": "squawk_folder",
            "target": "Target TargetKind choose_scratch choose_target no_target_error",
        },
    )
