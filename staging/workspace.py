"""The workspace: a folder (default ``.mlang`` beside the dataflow) with two staging items and a history.

The items have the product's names and come with the first refresh.  They are plumbing:
listings leave them out unless asked, users read staged data through the dataflow.
Read ``store/generations.py`` for what is inside them.
"""

from __future__ import annotations

import errno
import json
import os
import time
import uuid
from pathlib import Path
from typing import Any

from attrs import frozen

from staging.errors import StagingError, os_error
from staging.store import files, published

LAKEHOUSE = "DataflowsStagingLakehouse"
WAREHOUSE = "DataflowsStagingWarehouse"
ITEMS = (LAKEHOUSE, WAREHOUSE)
FORMAT = 1


@frozen
class Settings:
    """What a workspace's ``workspace.json`` may say under "settings"."""

    #: Days that data stay after staging was switched off for their query.
    retention_days: float = published.RETENTION_DAYS
    #: Generations that stay for readers of older snapshots.
    keep_generations: int = published.KEEP
    #: Whether a refresh uses again what has not changed, without being told.
    reuse: bool = False
    #: Who runs tables where neither the command nor MLANG_ENGINE says so.
    engine: str = "auto"
    #: Whether the privacy firewall refuses where an item leaves ``fastCombine`` out (``firewall.py``).
    firewall: str = "auto"


_NAMES = {
    "retentionDays": "retention_days", "keepGenerations": "keep_generations", "reuse": "reuse", "engine": "engine",
    "firewall": "firewall",
}  # fmt: skip
_CHOICES = {"engine": ("auto", "duckdb", "spark", "none"), "firewall": ("auto", "on", "off")}


def _fits(name: str, value: Any) -> bool:
    """Whether a setting can have a value."""
    if name in _CHOICES:
        return value in _CHOICES[name]
    if name == "reuse":
        return isinstance(value, bool)
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


@frozen
class Workspace:
    """A folder that may not exist yet; reading from it creates nothing."""

    path: Path

    @classmethod
    def beside(cls, dataflow: Path) -> Workspace:
        """The default workspace of a dataflow folder or file."""
        return cls(dataflow.resolve().parent / ".mlang")

    @property
    def lakehouse(self) -> Path:
        return self.path / LAKEHOUSE

    @property
    def warehouse(self) -> Path:
        return self.path / WAREHOUSE

    @property
    def history(self) -> Path:
        return self.path / "history.jsonl"

    def lock(self, dataflow: str) -> Path:
        """The lock file of one dataflow's refresh."""
        return self.path / "locks" / (files.safe_name(dataflow) + ".lock")

    def open(self) -> None:
        """`create` for a writer: StagingError with the cure where the folder can't be written."""
        try:
            self.create()
            (self.path / "locks").mkdir(exist_ok=True)
            if not os.access(self.path / "locks", os.W_OK):
                raise PermissionError(errno.EACCES, "Permission denied", str(self.path / "locks"))
        except OSError as error:
            cure = (
                " A refresh writes the workspace beside its dataflow: change the rights, or refresh a copy."
                if isinstance(error, PermissionError) or error.errno == errno.EROFS
                else ""
            )
            raise StagingError(f"The workspace can't be written: {os_error(error)}{cure}") from None

    def create(self) -> None:
        """Makes the folder and the two staging items; what exists is kept."""
        self.lakehouse.mkdir(parents=True, exist_ok=True)
        self.warehouse.mkdir(parents=True, exist_ok=True)
        about = self.path / "workspace.json"
        if about.exists():
            self._check_format(about)
            return
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        files.write_json(about, {"formatVersion": FORMAT, "id": str(uuid.uuid4()), "created": created})

    @property
    def about(self) -> Path:
        """The workspace's own description."""
        return self.path / "workspace.json"

    def settings(self) -> Settings:
        """The settings; defaults where there are none."""
        try:
            found = json.loads(self.about.read_text(encoding="utf-8")).get("settings", {})
        except FileNotFoundError:
            return Settings()
        except (ValueError, AttributeError):
            raise StagingError(f"{self.about} is not a workspace description.") from None
        chosen = {_NAMES[n]: v for n, v in found.items() if n in _NAMES}
        for name, value in chosen.items():
            if not _fits(name, value):
                raise StagingError(f"{self.about}: the setting {name} can't be {value!r}.")
        return Settings(**chosen)

    def change(self, **changed: Any) -> None:
        """Writes settings (names as in `Settings`); what else stands in the file is kept."""
        self.create()
        found = json.loads(self.about.read_text(encoding="utf-8"))
        names = {own: name for name, own in _NAMES.items()}
        found["settings"] = found.get("settings", {}) | {names[n]: v for n, v in changed.items()}
        files.write_json(self.about, found)

    def _check_format(self, about: Path) -> None:
        try:
            version = json.loads(about.read_text(encoding="utf-8")).get("formatVersion")
        except (ValueError, AttributeError):
            raise StagingError(f"{about} is not a workspace description.") from None
        if version != FORMAT:
            raise StagingError(f"{about}: format version {version}, this mlang knows {FORMAT}.")
