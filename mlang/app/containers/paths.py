"""Which paths are containers, asked before anything of them is loaded."""

from __future__ import annotations

from pathlib import Path

#: Endings of files that hold M among other things.
SUFFIXES = frozenset((".xlsx", ".xlsm", ".xlsb", ".pbix", ".pbit", ".pqt", ".pbip", ".pbir", ".bim", ".tmdl"))


def is_container(path: Path) -> bool:
    """Whether a path is a container: by its ending, or a folder of Power BI."""
    if path.is_dir():
        from mlang.app.containers.files import is_model_folder

        return is_model_folder(path)
    return path.suffix.lower() in SUFFIXES or path.name.lower() == "model.json"


#: In a dataflow's folder: the path of the workbook that it was imported from, seen from that folder.
ORIGIN = ".workbook"
WORKBOOKS = frozenset((".xlsx", ".xlsm", ".xlsb"))


def workbook_of(path: Path) -> str | None:
    """The workbook that a text read from a path lives in, or was imported from."""
    if path.suffix.lower() in WORKBOOKS:
        return str(path.resolve())
    folder = path.parent if path.name == "mashup.pq" else path
    try:
        named = (folder / ORIGIN).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return str((folder / named).resolve()) if named else None


def beside(file: Path, stem: str) -> Path | None:
    """The container of a name beside a file."""
    found = (file.with_name(stem + ending) for ending in sorted(SUFFIXES))
    return next((path for path in found if path.is_file()), None)
