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
