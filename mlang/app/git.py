"""What git knows of files: which changed since a revision, and what they were."""

from __future__ import annotations

import subprocess
from pathlib import Path

from mlang.errors import Fault


def _git(arguments: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(
            ["git", "-c", "core.quotepath=off", *arguments], cwd=folder, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise Fault("There is no git on this machine; install it, or leave the option out.") from None
    if done.returncode:
        message = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Fault(f"git {arguments[0]}: {message[0] if message else 'failed'}")
    return done.stdout.decode("utf-8", "surrogateescape")


def changed_files(revision: str, folder: Path) -> set[Path]:
    """The files that differ from a revision: changed, added, removed, and not yet known to git."""
    inside = _agrees(["rev-parse", "--is-inside-work-tree"], folder)
    if not inside:
        raise Fault(
            f"{folder.resolve()} is in no git repository: --changed needs one. Run git init, or leave it out."
        )
    if revision.startswith("-") or not _agrees(
        ["rev-parse", "--verify", "-q", revision + "^{commit}"], folder
    ):
        raise Fault(f"git knows no revision '{revision}'. Write --changed=REF with a branch, tag or commit.")
    top = Path(_git(["rev-parse", "--show-toplevel"], folder).rstrip("\n"))
    names = _git(["diff", "--name-only", "--no-renames", "-z", revision, "--"], top).split("\0")
    names += _git(["ls-files", "--others", "--exclude-standard", "-z"], top).split("\0")
    return {(top / name).resolve() for name in names if name}


def _agrees(arguments: list[str], folder: Path) -> bool:
    """Whether git says yes."""
    try:
        _git(arguments, folder)
    except Fault as error:
        if "no git" in str(error) and "machine" in str(error):
            raise
        return False
    return True


def show(revision: str, path: str) -> str:
    """The text of a file at a revision; the path is relative to the current folder."""
    return _git(["show", f"{revision}:./{path}"], Path.cwd()).removeprefix("\ufeff")
