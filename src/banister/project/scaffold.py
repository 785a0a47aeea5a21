"""Starting a project: a settings file and a migrations folder."""

from pathlib import Path

from banister.errors import UsageError

__all__ = ["start_project"]

_SETTINGS = """\
# Settings of Banister. Which database: --url, BANISTER_URL, DATABASE_URL, or a file .env.
dir = "{dir}"

# [env.production]
# url = "${{PRODUCTION_DATABASE_URL}}"
# skip_tags = ["demo"]
"""


def start_project(root: Path, *, dir: str = "migrations") -> tuple[Path, ...]:  # noqa: A002 -- the setting's name
    """Create `banister.toml` and the migrations folder in `root`; return what was created.

    A folder that is there is kept as it is. Raises UsageError, with nothing created, when there
    are settings already.
    """
    settings = root / "banister.toml"
    folder = root / dir
    made_folder = not folder.exists()
    try:
        with settings.open("x", encoding="utf-8") as file:
            file.write(_SETTINGS.format(dir=dir.replace("\\", "/").replace('"', '\\"')))
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise UsageError(
            f"{error.filename} is there already",
            hint="this folder is a project already: `banister new NAME` makes its next migration",
        ) from error
    except OSError as error:
        raise UsageError(f"cannot create {error.filename}: {error.strerror}") from error
    return (settings, *([folder] if made_folder else []))
