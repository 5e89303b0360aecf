"""What git knows of files: which changed since a revision, and what they were."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from mlang.errors import Fault


def _output(arguments: list[str], folder: Path) -> bytes:
    try:
        done = subprocess.run(
            ["git", "-c", "core.quotepath=off", *arguments], cwd=folder, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise Fault("There is no git on this machine; install it, or leave the option out.") from None
    if done.returncode:
        message = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Fault(f"git {arguments[0]}: {message[0] if message else 'failed'}")
    return done.stdout


def _git(arguments: list[str], folder: Path) -> str:
    return _output(arguments, folder).decode("utf-8", "surrogateescape")


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


def export(revision: str, path: str, folder: Path) -> Path:
    """Writes a file or a folder as it was at a revision below a folder, and gives its place there.

    The path is relative to the current folder.  With a project file comes what lies beside it.
    """
    home = str(Path(path).parent)
    if path.endswith((".pbip", ".pbir")):
        wanted = home if path.endswith(".pbip") else str(Path(home).parent)
    else:
        wanted = path
    name = f"{revision}:./{path}"
    _git(["cat-file", "-e", name], Path.cwd())  # what isn't there is git's message
    here = _git(["rev-parse", "--show-prefix"], Path.cwd()).rstrip("\n")
    top = Path(_git(["rev-parse", "--show-toplevel"], Path.cwd()).rstrip("\n"))
    inside = Path(os.path.normpath(here + wanted)).as_posix()
    listed = _git(["ls-tree", "-r", "-z", revision, "--", *([] if inside == "." else [inside])], top)
    for line in listed.split("\0"):
        about, _, file = line.partition("\t")
        if " blob " in about:
            place = folder / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(_output(["cat-file", "blob", about.split()[2]], top))
    return folder / os.path.normpath(here + path)
