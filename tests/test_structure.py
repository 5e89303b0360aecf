"""The shape of the code: imports point one way, nothing heavy is loaded early, builtins are documented."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from mlang import registry

ROOT = Path(__file__).resolve().parent.parent
LAYERS = {"grammar": 0, "mlang": 1, "folding": 2, "staging": 3}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.partition(".")[0])
    return found


MODULES = sorted(p for layer in LAYERS for p in (ROOT / layer).rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    here = path.relative_to(ROOT)
    if here.parts[:2] == ("mlang", "app"):
        return
    names = imports(path)
    above = {n for n in names if n in LAYERS and LAYERS[n] > LAYERS[here.parts[0]]}
    assert not above, f"{here} imports {above}"
    if here.parts[0] in ("grammar", "mlang"):
        assert "sqlglot" not in names, f"{here} imports sqlglot"
    if here.parts[0] != "grammar":
        assert "lark" not in names, f"{here} imports lark"


HEAVY = {"lark", "pyarrow", "duckdb", "sqlglot", "attrs", "attr", "rich", "click", "prompt_toolkit", "babel"}


def test_evaluating_a_number_loads_nothing_heavy() -> None:
    code = (
        "import atexit, sys; atexit.register(lambda: print(sorted(sys.modules)));"
        "from mlang.app.main import main; main(['eval', '1+1'])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    answer, _, modules = out.stdout.partition("\n")
    assert answer == "2", out.stderr
    loaded = {name.partition(".")[0] for name in ast.literal_eval(modules.strip())}
    assert not loaded & HEAVY


registry.load_all()


@pytest.mark.parametrize("name", sorted(registry.BUILTINS))
def test_builtin_is_documented(name: str) -> None:
    entry = registry.BUILTINS[name]
    assert name == entry.name
    if isinstance(entry, registry.Builtin):
        assert entry.doc, f"{name} has no help text"
        assert callable(entry.function.fn)
