"""Generated code gives what the reference walker gives, on random programs.

``MLANG_EXAMPLES=5000`` runs more programs than the usual few hundred.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings

sys.path.insert(0, str(Path(__file__).parent))
from programs import expressions
from walker import walk

from mlang.compile.entry import Document, run
from mlang.errors import MError
from mlang.syntax import nodes as n
from mlang.syntax import print_node
from mlang.values.show import to_m

EXAMPLES = int(os.environ.get("MLANG_EXAMPLES", "400"))


def outcome(compute: Any) -> str:
    try:
        return to_m(compute())
    except MError as error:
        return f"!! {error}"


def known(node: n.Node) -> bool:
    """Whether both evaluators can run it: no name that nothing defines."""
    try:
        Document(node).value()
    except MError as error:
        return "doesn't exist" not in str(error.message)
    return True


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(expressions())
def test_compiled_equals_walked(tree: n.Node) -> None:
    def both() -> tuple[str, str]:
        if not known(tree):
            return "", ""
        try:
            walked = outcome(lambda: walk(tree, None))
        except KeyError:
            return "", ""
        return outcome(lambda: Document(tree).value()), walked

    compiled, walked = run(both)
    assert compiled == walked, print_node(tree)
