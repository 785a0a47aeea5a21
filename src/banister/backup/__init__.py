"""Backups that were restored once before they count, and the way back from them."""
