"""Spark servers: where they are, how sessions with them are opened, what their failures mean.

MLANG_SPARK names a Spark Connect address (``sc://host:port``); without one, or with "local", a Sail server is started
in this process, on the loopback.  One session per server is kept for the process.  A failure of a query (`Refusal`)
is a reason to let another engine do the work; a server that cannot be reached, is too old, or cannot read a file is a
DataSource.Error.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import socket
import sys
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

from mlang import errors
from mlang.errors import Cancelled, MError

#: The setting of the address.
VARIABLE = "MLANG_SPARK"
LOCAL = "local"
#: The oldest server whose forms are known.
OLDEST = (4, 0)
_PORT = 15002
_PATIENCE = 5.0
#: Seconds after which a session that nobody used is asked whether it is there.
_REST = 60.0
_SETTINGS = {"spark.sql.session.timeZone": "UTC", "spark.sql.ansi.enabled": "true"}
#: Of Apache Spark: what is kept on executors, too, has no more partitions than its size asks for; files are looked
#: at by so many tasks, not by one for each, of which 10,000 take longer than the files.
_OF_SPARK = {
    "spark.sql.optimizer.canChangeCachedPlanOutputPartitioning": "true",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "256",
}
#: What servers say of files that they cannot see.
_UNSEEN = ("PATH_NOT_FOUND", "FILE_NOT_EXIST", "FileNotFoundException", "No such file", "not found in object store",
           "Object at location")  # fmt: skip
#: What Spark says of files whose columns are not those that were declared, or that no longer are Parquet.
_OTHER = ("PARQUET_COLUMN_DATA_TYPE_MISMATCH", "CANNOT_READ_FILE_FOOTER", "is not a Parquet file")
#: Held while servers are opened and asked to do something short.
_lock = threading.RLock()
_servers: dict[str, SparkServer] = {}
Result = TypeVar("Result")
_local: list[Any] = []


class Refusal(Exception):
    """The server does not do a query: another engine is asked."""


def address() -> str:
    """The address that is configured, "local" when none is."""
    return os.environ.get(VARIABLE, "").strip() or LOCAL


def current() -> SparkServer:
    """The server of the configured address, connected; DataSource.Error when it is not there."""
    where = address()
    with _lock:
        found = _servers.get(where)
        if found is None or not found.usable():
            leave(where)
            found = SparkServer(where)
            _servers[where] = found
        return found


def leave(where: str) -> None:
    """Ends the session with a server, if there is one."""
    with _lock:
        server = _servers.pop(where, None)
        if server is not None:
            server.close()


def close() -> None:
    """Ends all sessions, then the server that was started here: a session without a server asks for it in vain.

    Done when the process ends, before the client's own end, which asks the server once more; not where a thread
    still asks it something, which a stopped process leaves behind.
    """
    if not _lock.acquire(timeout=_PATIENCE):
        return
    try:
        for where in list(_servers):
            leave(where)
        while _local:
            _local.pop().stop()
    finally:
        _lock.release()


def failed(server: str, reason: str, cure: str) -> MError:
    """Ours: a Spark server does not do what was asked."""
    return errors.data_source_error("Spark server #{0}: #{1} #{2}", server, reason, cure)


def _start_local() -> str:
    """The address of a Sail server of this process."""
    try:
        from pysail.spark import SparkConnectServer
    except ImportError:
        raise errors.package_needed(f'engine "spark" without {VARIABLE}', "pysail", "spark") from None
    if not _local:
        os.environ.setdefault("RUST_LOG", "error")
        server = SparkConnectServer("127.0.0.1", 0)
        server.start()
        _local.append(server)
    return f"sc://127.0.0.1:{_local[0].listening_address[1]}"


def _reached(where: str) -> None:
    """Whether somebody listens; the client itself would try for minutes."""
    parts = urlsplit(where)
    try:
        host, port = parts.hostname, parts.port or _PORT
    except ValueError:
        host, port = None, 0
    if parts.scheme != "sc" or not host:
        raise failed(
            where, "this is no Spark Connect address.", f"Set --spark-url or {VARIABLE} to sc://host:port."
        )
    try:
        socket.create_connection((host, port), _PATIENCE).close()
    except OSError as no:
        cure = f"Start one there, or set --spark-url or {VARIABLE} to sc://host:port of another."
        asked = "nobody answers" if parts.port else f"nobody answers on port {port}"
        raise failed(where, f"{asked} ({no.strerror or no}).", cure) from None


def _answers(where: str) -> bool:
    try:
        _reached(where)
        return True
    except MError:
        return False


def frame_of(session: Any, sql: str) -> Any:
    """A query as a data frame.  The client's own way sends it as a command first, for which the server does all the
    planning once more."""
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.plan import SQL

    return DataFrame(SQL(sql), session)


class SparkServer:
    """A session with a server; ``dialect`` is "spark" or "sail", ``version`` what the server says."""

    def __init__(self, where: str) -> None:
        try:
            with _quiet(), _as_file():
                from pyspark.sql.connect.client.retries import DefaultPolicy
                from pyspark.sql.connect.session import SparkSession
        except ImportError:
            raise errors.package_needed('engine "spark"', "pyspark-client", "spark") from None
        logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
        warnings.filterwarnings("ignore", r"\[RETRIES_EXCEEDED\]")  # what failed is said by its error
        self.address = _start_local() if where == LOCAL else where
        _reached(self.address)
        self.views: dict[Any, str] = {}
        #: Folders, and why they are not seen by workers and this process alike (``spark_writes.py``).
        self.shared: dict[str, str | None] = {}
        self.lost = False
        #: When somebody wanted the session last.
        self.used = time.monotonic()
        try:
            with _quiet():
                self.session: Any = SparkSession.builder.remote(self.address).create()
                atexit.unregister(close)
                atexit.register(close)  # behind the client's own, that is, before it
                policy = DefaultPolicy(max_retries=3, initial_backoff=50, max_backoff=500, jitter=50)
                self.session.client.set_retry_policies([policy])
                self.version = str(self.session.version)
                if not self._is_old():
                    self._settle()
        except Exception as no:
            self.lost = True
            self.close()
            raise failed(self.address, f"no session could be opened ({_first(no)}).", _CURE_SESSION) from None
        if self._is_old():
            self.close()
            cure = (
                "mlang needs Spark 4.0 or later: start one, or set --spark-url or MLANG_SPARK to its address."
            )
            raise failed(self.address, f"its version is {self.version}.", cure)

    def _is_old(self) -> bool:
        return tuple(int(p) for p in re.findall(r"\d+", self.version)[:2]) < OLDEST

    def _settle(self) -> None:
        """Makes the session as forms expect it; which server it is."""
        for name, value in _SETTINGS.items():
            self.session.conf.set(name, value)
        self.dialect = self._dialect()
        for name, value in _OF_SPARK.items() if self.dialect == "spark" else ():
            self.session.conf.set(name, value)

    def _dialect(self) -> str:
        """Sail raises for a power that Java's arithmetic gives as infinite."""
        try:
            self._table("SELECT pow(0D, CAST(-1 AS DOUBLE)) AS x")
            return "spark"
        except Exception as no:
            if _is_lost(no):
                raise
            return "sail"

    def usable(self) -> bool:
        """Whether the session can be asked; a server that went away is looked for again.

        Servers end sessions that nobody uses for some minutes, so one that rested is asked first.
        """
        if not self.lost and time.monotonic() - self.used > _REST:
            try:
                self.table("SELECT 1")
            except (Refusal, MError):
                self.lost = True
        self.used = time.monotonic()
        return not self.lost

    def close(self) -> None:
        """Ends the session; one that is lost has ended, and only the connection is left."""
        gone, self.lost = self.lost, True
        try:
            with _quiet():
                if gone or not _answers(self.address):
                    self.session.client.close()
                else:
                    self.session.stop()
        except Exception:
            return

    # ------------------------------------------------------------ queries

    def table(self, sql: str) -> Any:
        """The result of a short query."""
        return self.execute(lambda session: self._table(sql))

    def _table(self, sql: str) -> Any:
        import pyarrow as pa

        return pa.Table.from_batches(list(self._parts(sql)))

    def _parts(self, sql: str) -> Generator[Any, None, None]:
        """The record batches of a query as they arrive."""
        frame = frame_of(self.session, sql)
        client = self.session.client
        for part in client.to_table_as_iterator(frame._plan.to_proto(client), {}):
            if hasattr(part, "to_batches"):
                yield from part.to_batches()

    def batches(self, sql: str, running: Running) -> Iterator[Any]:
        """The record batches of a query; `Refusal` when it fails, DataSource.Error when the server is at fault."""
        parts = None
        try:
            self.session.addTag(running.tag)
            parts = self._parts(sql)
            yield from parts
        except (MError, Cancelled):
            raise
        except Exception as no:
            raise self.explained(no, running) from None
        finally:
            self._untag(running.tag)
            if parts is not None:
                parts.close()

    def job(self, action: Callable[[Any], Result], running: Running) -> Result:
        """Does something long with the session, which whoever stops the evaluation interrupts."""
        try:
            self.session.addTag(running.tag)
            return action(self.session)
        except (MError, Cancelled, Refusal):
            raise
        except Exception as no:
            raise self.explained(no, running) from None
        finally:
            self._untag(running.tag)

    def _untag(self, tag: str) -> None:
        try:
            self.session.removeTag(tag)
        except Exception:
            return  # the session is gone

    def execute(self, action: Any) -> Any:
        """Does something with the session; failures as for queries."""
        try:
            with _quiet():
                return action(self.session)
        except (MError, Cancelled):
            raise
        except Exception as no:
            raise self.explained(no, None) from None

    def explained(self, no: Exception, running: Running | None) -> Exception:
        """What a failure of the client means."""
        if running is not None and running.stopped:
            return Cancelled("the Spark job was stopped")
        text = str(no)
        if _is_lost(no):
            self.lost = True
            return failed(self.address, f"the connection was lost ({_first(no)}).", _CURE_LOST)
        if any(word in text for word in _UNSEEN):
            return failed(self.address, f"it can't read a file ({_first(no)}).", _CURE_PATH)
        if any(word in text for word in _OTHER):
            return failed(
                self.address, f"a file isn't what the query was planned over ({_first(no)}).", _CURE_CHANGED
            )
        if "RESOURCE_EXHAUSTED" in text or "OutOfMemory" in text or "No space left" in text:
            return failed(self.address, f"its resources do not suffice ({_first(no)}).", _CURE_RESOURCES)
        return Refusal(text)


_CURE_SESSION = "Look at the server's log; mlang needs Spark Connect of Spark 4.0 or later, or Sail."
_CURE_LOST = "Start the server again and repeat; what was published before is still served."
_CURE_PATH = "Put the workspace and the files on storage that all workers see under the same path."
_CURE_CHANGED = (
    "Repeat; if it goes on, find out who writes there: staged files never change, others should be replaced."
)
_CURE_RESOURCES = "Give the server more memory, disk or quota, or read fewer rows."


def unseen(server: str, found: str) -> MError:
    """Ours: files here are not what the server sees."""
    return failed(server, f"it finds {found}.", _CURE_PATH)


def changed(server: str, path: str, gone: bool) -> MError:
    """Ours: a file is no longer what the query was planned over."""
    what = "vanished" if gone else "changed"
    return failed(server, f"the file {path} {what} since the query was planned.", _CURE_CHANGED)


def replaced(server: str, path: str, size: int, expected: int) -> MError:
    """Ours: a staged file is not what was staged."""
    return failed(
        server, f"the file {path} has {size} bytes; {expected} were staged.",
        "Refresh the dataflow: it makes the table anew.",
    )  # fmt: skip


class Running:
    """A running query, for whoever stops the evaluation."""

    def __init__(self, server: SparkServer) -> None:
        self.server, self.tag, self.stopped = server, f"mlang-{uuid.uuid4().hex}", False

    def interrupt(self) -> None:
        """Stops the job on the server."""
        self.stopped = True
        try:
            with _quiet():
                self.server.session.interruptTag(self.tag)
        except Exception:
            self.server.lost = True  # it cannot be told; the session ends with the connection


class _quiet(warnings.catch_warnings):
    """The client warns of versions of pandas; filters of warnings are the process's, so one thread at a time."""

    def __init__(self) -> None:
        super().__init__(record=False, action="ignore")

    def __enter__(self) -> Any:
        _lock.acquire()
        return super().__enter__()

    def __exit__(self, *failure: Any) -> None:
        super().__exit__(*failure)
        _lock.release()


@contextmanager
def _as_file() -> Iterator[None]:
    """The client takes a program that is no file (python -c, standard input) for its own tests, and ends it."""
    main = sys.modules["__main__"]
    if hasattr(main, "__file__"):
        yield
        return
    main.__file__ = "-"
    try:
        yield
    finally:
        del main.__file__


def _is_lost(no: Exception) -> bool:
    status = getattr(no, "getGrpcStatusCode", None)
    name = ""
    if status is not None:
        try:
            name = str(status())
        except Exception:
            name = ""
    text = str(no)
    signs = (
        "StatusCode.UNAVAILABLE", "Connection refused", "failed to connect", "Socket closed", "SESSION_CLOSED",
        "SESSION_NOT_FOUND", "SESSION_CHANGED", "RetriesExceeded", "Connection reset", "RETRIES_EXCEEDED",
    )  # fmt: skip
    return (
        "UNAVAILABLE" in name or no.__class__.__name__ == "RetriesExceeded" or any(s in text for s in signs)
    )


def _first(no: Exception) -> str:
    """The first line of what a server said, not too long; of a failed connection what gRPC says of it."""
    said = re.search(r'^\s*details = "(.+)"$', str(no), re.MULTILINE)
    lines = [said[1]] if said is not None else str(no).splitlines()
    text = next((line.strip() for line in lines if line.strip()), no.__class__.__name__)
    return text if len(text) <= 200 else text[:200] + "…"
