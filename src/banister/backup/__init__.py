"""Backups that were restored once before they count, and the way back from them."""

from banister.backup.backups import Backups, backup_first
from banister.backup.folder import BackupEntry
from banister.backup.manifest import manifest_json
from banister.backup.saved_rows import LossFinder

__all__ = ["BackupEntry", "Backups", "LossFinder", "backup_first", "manifest_json"]
