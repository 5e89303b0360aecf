"""What is done with each class of nodes, said where it is done: a function is registered above its definition."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Function = TypeVar("Function", bound=Callable[..., object])


class ByClass(dict[type, Function]):
    """Functions by the class of the node that they are for."""

    def of(self, *classes: type) -> Callable[[Function], Function]:
        """Registers a function for some classes."""

        def register(function: Function) -> Function:
            for each in classes:
                assert each not in self, each
                self[each] = function
            return function

        return register
