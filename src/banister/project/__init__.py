"""The user's folder and settings: which files, which database, what holds for this run."""

from banister.project.config import Settings, load_settings
from banister.project.files import read_folder
from banister.project.git import changed_since
from banister.project.keys import KEYS, Key, Kind
from banister.project.new_files import next_number, next_version, write_pair
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
    "load_settings",
    "next_number",
    "next_version",
    "no_target_error",
    "read_folder",
    "redact",
    "squawk_folder",
    "start_project",
    "write_pair",
]
