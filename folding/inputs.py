"""The steps of a plan, and a plan with other inputs: what everyone needs who runs parts of a plan somewhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from mlang.tables import plan as p


def nodes_of(plan: p.Plan) -> Iterator[p.Plan]:
    """A plan and all that it reads, each as often as it is read."""
    stack = [plan]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(node.inputs)


def with_inputs(plan: p.Plan, change: Callable[[p.Plan], p.Plan]) -> p.Plan:
    """The plan with each input changed; the same object when none is."""
    changes: dict[str, Any] = {}
    for attribute in attrs.fields(plan.__class__):
        value = getattr(plan, attribute.name)
        if isinstance(value, p.Plan):
            new: Any = change(value)
            same = new is value
        elif value.__class__ is tuple and value and all(isinstance(v, p.Plan) for v in value):
            new = tuple(change(v) for v in value)
            same = all(a is b for a, b in zip(new, value, strict=True))
        else:
            continue
        if not same:
            changes[attribute.name] = new
    result: p.Plan = attrs.evolve(plan, **changes) if changes else plan
    return result
