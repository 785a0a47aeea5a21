"""Backups that were restored once before they count, and the way back from them."""

from banister.backup.backups import Backups, backup_first, loss_finder
from banister.backup.folder import BackupEntry
from banister.backup.manifest import manifest_json

__all__ = ["BackupEntry", "Backups", "backup_first", "loss_finder", "manifest_json"]
