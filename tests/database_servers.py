"""Private database servers for tests: a new data directory, a free port of the loopback, no passwords.

`postgres` and `mariadb` are context managers that give (host, port); they raise `Missing` with the reason when
the server is not installed (`.ci/run` installs Debian's packages where it may).
"""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Missing(Exception):
    """The server is not installed."""


def _found(name: str, *patterns: str) -> str:
    for place in [shutil.which(name), *[p for pattern in patterns for p in sorted(glob.glob(pattern))]]:
        if place:
            return place
    raise Missing(f"{name} is not installed")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _account(*names: str) -> dict[str, Any]:
    """Whom the server runs as: these servers refuse root."""
    if os.geteuid() != 0:
        return {}
    for name in (*names, "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise Missing("there is no account to run a server")


@contextmanager
def _folder(account: dict[str, Any]) -> Iterator[str]:
    path = tempfile.mkdtemp(prefix="mlang-server-")
    try:
        if account:
            os.chown(path, account["user"], account["group"])
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _running(
    command: list[str], account: dict[str, Any], folder: str, ready: Callable[[], Any]
) -> Iterator[None]:
    with open(os.path.join(folder, "output"), "w", encoding="utf-8") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, **account)
        try:
            limit = time.monotonic() + 60
            while True:
                try:
                    ready()
                    break
                except Exception:
                    if process.poll() is not None or time.monotonic() > limit:
                        with open(output.name, encoding="utf-8", errors="replace") as said:
                            raise RuntimeError(f"the server did not start: {said.read()[-2000:]}") from None
                    time.sleep(0.05)
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def postgres() -> Iterator[tuple[str, int]]:
    """A PostgreSQL server with the database "postgres" and the user "tester"."""
    import psycopg

    homes = "/usr/lib/postgresql/*/bin/"
    initdb, server = _found("initdb", homes + "initdb"), _found("postgres", homes + "postgres")
    account, port = _account("postgres"), _free_port()
    with _folder(account) as folder:
        data = os.path.join(folder, "data")
        subprocess.run(
            [initdb, "-D", data, "-U", "tester", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"],
            check=True, capture_output=True, cwd=folder, **account,
        )  # fmt: skip
        command = [server, "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder, "-F"]
        where = f"host=127.0.0.1 port={port} user=tester dbname=postgres"
        with _running(command, account, folder, lambda: psycopg.connect(where).close()):
            yield "127.0.0.1", port


@contextmanager
def mariadb() -> Iterator[tuple[str, int]]:
    """A MariaDB server with the database "test" and the user "tester"."""
    import pymysql

    server = _found("mariadbd", "/usr/sbin/mariadbd")
    install = _found("mariadb-install-db")
    account, port = _account("mysql"), _free_port()
    with _folder(account) as folder:
        data = os.path.join(folder, "data")
        subprocess.run(
            [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
             "--skip-test-db", "--innodb-flush-log-at-trx-commit=0"],
            check=True, capture_output=True, cwd=folder, **account,
        )  # fmt: skip
        setup = os.path.join(folder, "setup.sql")
        with open(setup, "w", encoding="utf-8") as file:
            file.write("CREATE DATABASE test CHARACTER SET utf8mb4;\nCREATE USER tester@localhost;\n")
            file.write(
                "GRANT ALL ON *.* TO tester@localhost;\nDELETE FROM mysql.global_priv WHERE User = '';\n"
            )
            file.write("FLUSH PRIVILEGES;\n")
        os.chmod(setup, 0o644)
        command = [
            server, "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1",
            f"--socket={folder}/socket", f"--pid-file={folder}/pid", f"--init-file={setup}",
            "--innodb-flush-log-at-trx-commit=0",
        ]  # fmt: skip
        ready = lambda: pymysql.connect(host="127.0.0.1", port=port, user="tester", database="test").close()  # noqa: E731
        with _running(command, account, folder, ready):
            yield "127.0.0.1", port
