"""Servers of the tests that speak Spark Connect: Sail in a process of its own, and a real Spark cluster, on the loopback.

`sail` and `spark` are context managers that give an address; they raise `Missing` with the reason when what they need
is not installed (Sail comes with ``mlang[spark]``; Spark needs the package pyspark and Java 17).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from database_servers import Missing, _free_port

_SAIL = """
import sys
from pysail.spark import SparkConnectServer
server = SparkConnectServer("127.0.0.1", int(sys.argv[1]))
server.start(background=False)
"""


#: Where workers find mlang.
_ROOT = str(Path(__file__).resolve().parent.parent)


def client() -> None:
    """Raises `Missing` without the client."""
    for package in ("grpc", "pandas", "pyspark"):
        if importlib.util.find_spec(package) is None:
            raise Missing(f"{package} is not installed (mlang[spark])")


def _wait(port: int, process: subprocess.Popen[Any], log: Path, seconds: float = 300) -> None:
    import socket

    limit = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > limit:
                said = f"exit code {process.poll()}: {log.read_text()[-2000:]}"
                raise RuntimeError(f"the server did not start, {said}") from None
            time.sleep(0.1)


def _stop(process: subprocess.Popen[Any]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


#: Goes on as another program, which ends when whoever started it does, however that ends (PR_SET_PDEATHSIG).  A
#: program of its own, because a function in the new process (preexec_fn) would be a fork, which gRPC does not survive.
_WITH_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def start(command: list[str], port: int, folder: Path, name: str, **settings: Any) -> subprocess.Popen[Any]:
    """A server process that listens on a port; its output goes to a file of the folder."""
    log = folder / f"{name}.log"
    if sys.platform == "linux":
        command = [sys.executable, "-c", _WITH_PARENT, *command]
    with open(log, "w", encoding="utf-8") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, **settings)
    try:
        _wait(port, process, log)
    except BaseException:
        _stop(process)
        raise
    return process


def leave(address: str) -> None:
    """Ends this process's session with a server that is about to stop: later it would ask for it in vain."""
    if (found := sys.modules.get("folding.engines.spark_server")) is not None:
        found.leave(address)


@contextmanager
def sail(wrapped: tuple[str, ...] = ()) -> Iterator[tuple[str, subprocess.Popen[Any]]]:
    """A Sail server: its address and its process; a command may be put before its own."""
    client()
    if importlib.util.find_spec("pysail") is None:
        raise Missing("pysail is not installed (mlang[spark])")
    folder, port = Path(tempfile.mkdtemp(prefix="mlang-sail-")), _free_port()
    try:
        own = {**os.environ, "PYTHONPATH": _ROOT}
        process = start([*wrapped, sys.executable, "-c", _SAIL, str(port)], port, folder, "sail", env=own)
        try:
            yield f"sc://127.0.0.1:{port}", process
        finally:
            leave(f"sc://127.0.0.1:{port}")
            _stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def spark_home() -> Path:
    """Where a whole Spark is: SPARK_HOME, or the package pyspark."""
    client()
    if shutil.which("java") is None:
        raise Missing("java is not installed")
    places = [os.environ.get("SPARK_HOME")]
    found = importlib.util.find_spec("pyspark")
    places += list(found.submodule_search_locations or []) if found else []
    for place in places:
        if place and (Path(place) / "jars").is_dir():
            return Path(place)
    raise Missing("no Spark with its jars is installed (the package pyspark, or SPARK_HOME)")


@contextmanager
def spark(workers: int = 2, cores: int = 1) -> Iterator[tuple[str, list[subprocess.Popen[Any]]]]:
    """A standalone master, workers and a Connect server: the address, and the processes (workers, then Connect)."""
    home, folder = spark_home(), Path(tempfile.mkdtemp(prefix="mlang-spark-"))
    surroundings = {**os.environ, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m",
                    "SPARK_WORKER_DIR": str(folder), "SPARK_LOCAL_DIRS": str(folder),
                    "PYSPARK_PYTHON": sys.executable, "PYTHONPATH": _ROOT}  # fmt: skip
    run, made = str(home / "bin" / "spark-class"), []
    try:
        port, web = _free_port(), _free_port()
        master = [run, "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(port),
                  "--webui-port", str(web)]  # fmt: skip
        made.append(start(master, port, folder, "master", env=surroundings))
        for number in range(workers):
            own = _free_port()
            worker = [run, "org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1", "--port", str(own),
                      "--webui-port", str(_free_port()), "-c", str(cores), "-m", "1200m",
                      f"spark://127.0.0.1:{port}"]  # fmt: skip
            made.append(start(worker, own, folder, f"worker{number}", env=surroundings))
        connect = _free_port()
        settings = {
            "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.ui.enabled": "false",
            "spark.connect.grpc.binding.address": "127.0.0.1", "spark.connect.grpc.binding.port": str(connect),
            "spark.sql.shuffle.partitions": "4", "spark.ui.showConsoleProgress": "false",
            "spark.executor.memory": "1g", "spark.sql.warehouse.dir": str(folder / "warehouse"),
        }  # fmt: skip
        command = [str(home / "bin" / "spark-submit"), "--master", f"spark://127.0.0.1:{port}",
                   "--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]  # fmt: skip
        for name, value in settings.items():
            command += ["--conf", f"{name}={value}"]
        own = {**surroundings, "SPARK_DAEMON_MEMORY": "1g"}  # what the Connect server takes for its driver
        made.append(start([*command, "spark-internal"], connect, folder, "connect", env=own))
        try:
            yield f"sc://127.0.0.1:{connect}", made[1:]
        finally:
            leave(f"sc://127.0.0.1:{connect}")
    finally:
        for process in reversed(made):
            _stop(process)
        shutil.rmtree(folder, ignore_errors=True)
