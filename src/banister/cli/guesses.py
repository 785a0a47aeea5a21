"""Which texts are hidden: passwords, also those in what nothing could read as a URL."""

import os
import re
from collections.abc import Iterable
from urllib.parse import unquote

from banister.project.secrets import forms_of

__all__ = ["guess_secrets", "hidden"]

_IN_URL = re.compile(r"://[^:/@]*:(.*)@", re.DOTALL)
_AS_PARAMETER = re.compile(r"[?&][a-z]*password=([^&]*)", re.IGNORECASE)
_AS_KEYWORD = re.compile(r"password\s*=\s*('(?:[^'\\]|\\.)*'|\S+)", re.IGNORECASE | re.DOTALL)
_SCHEME = "postgresql"
_VARIABLES = ("BANISTER_URL", "DATABASE_URL")


def hidden(secrets: frozenset[str], display: str) -> frozenset[str]:
    """Return the secrets to hide wherever they turn up.

    A password that is also the user's name, or a part of "postgresql", is no secret as a word:
    hiding it would tell it, and spoil every line. Behind `user:` and `password=` it is masked all
    the same.
    """
    shown = {unquote(part) for part in re.split(r"[:/@ ]+", display)}
    return frozenset(secret for secret in secrets if secret not in shown and secret not in _SCHEME)


def guess_secrets(arguments: Iterable[str]) -> frozenset[str]:
    """Return every form of what may be a password in the arguments or the environment.

    Rather too many than too few: it is for errors that come before a URL could be read.
    """
    found: set[str] = {os.environ.get("PGPASSWORD", "")}
    for value in [*arguments, *(os.environ.get(name, "") for name in _VARIABLES)]:
        for pattern in (_IN_URL, _AS_PARAMETER, _AS_KEYWORD):
            found |= {match[1] for match in pattern.finditer(value)}
    found |= {secret.strip("'") for secret in found}
    found |= {unquote(secret) for secret in found}
    return frozenset().union(*(forms_of(secret) for secret in found))
