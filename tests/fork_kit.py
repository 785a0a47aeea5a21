"""The command line in processes of their own that need not import everything again.

A process that has imported what commands need forks a child for each: it has its own environment,
folder, standard streams and end, as any other, and is there in some milliseconds.
"""

import array
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Self

__all__ = ["Forks"]

_SERVER = """
import array, importlib, json, os, signal, socket, sys
import banister.opening, banister.engines.postgres, banister.engines.sqlite
commands = importlib.import_module("banister.cli.main")
for name in commands._COMMANDS:
    importlib.import_module(f"banister.cli.{name}")

def serve(connection):
    data, ancillary, _, _ = connection.recvmsg(1 << 20, socket.CMSG_SPACE(12))
    streams = array.array("i")
    streams.frombytes(ancillary[0][2])
    told = json.loads(data)
    child = os.fork()
    if child == 0:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.closerange(3, 64)
        os.environ.clear()
        os.environ.update(told["environment"])
        os.chdir(told["folder"])
        sys.stdin = open(0, encoding="utf-8", closefd=False)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False, errors="backslashreplace")
        sys.argv = ["banister", *told["arguments"]]
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = 70
        try:
            code = commands.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    for stream in streams:
        os.close(stream)
    _, status = os.waitpid(child, 0)
    connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())

signal.signal(signal.SIGCHLD, signal.SIG_DFL)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(64)
print("ready", flush=True)
parent = os.getppid()
while os.getppid() == parent:
    listener.settimeout(1)
    try:
        connection, _ = listener.accept()
    except TimeoutError:
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                break
        continue
    if os.fork() == 0:
        listener.close()
        connection.settimeout(None)
        serve(connection)
        os._exit(0)
    connection.close()
"""

#: Stands for the command on a PATH: hands its own streams, folder and environment over.
_CLIENT = """\
#!{python} -SE
import array, json, os, signal, socket, sys
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect({place!r})
    told = {{"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}
    streams = array.array("i", [0, 1, 2])
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)]
    connection.sendmsg([json.dumps(told).encode()], rights)
    code = int(connection.recv(16))
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


class Forks:
    """The process that forks, as a context; it ends with the process that made it."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="bf")
        self._place = str(Path(self._folder.name) / "s")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "BANISTER_"))}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER, self._place],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env=environment,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()

    def program(self, path: Path) -> None:
        """Make a program that does what `banister` does; for shells."""
        path.write_text(_CLIENT.format(python=sys.executable, place=self._place))
        path.chmod(0o755)

    def run(
        self,
        arguments: list[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        given: str,
        timeout: float,
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line to its end. Raises TimeoutError."""
        told = {
            "arguments": arguments, "folder": str(folder), "environment": dict(environment),
        }  # fmt: skip
        with (
            tempfile.TemporaryFile() as stdin,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            socket.socket(socket.AF_UNIX) as connection,
        ):
            stdin.write(given.encode())
            stdin.seek(0)
            connection.settimeout(timeout)
            connection.connect(self._place)
            streams = array.array("i", [stdin.fileno(), out.fileno(), err.fileno()])
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)]
            connection.sendmsg([json.dumps(told).encode()], ancillary)
            code = int(connection.recv(16))
            texts = []
            for stream in (out, err):
                stream.seek(0)
                texts.append(stream.read().decode().replace("\r\n", "\n"))
        return subprocess.CompletedProcess(arguments, code, *texts)
