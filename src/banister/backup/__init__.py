"""Backups that were restored once before they count, and the way back from them."""

from banister.backup.backups import Backups
from banister.backup.command import BackupCommandFailed
from banister.backup.folder import BackupEntry
from banister.backup.manifest import manifest_json

__all__ = ["BackupCommandFailed", "BackupEntry", "Backups", "manifest_json"]
