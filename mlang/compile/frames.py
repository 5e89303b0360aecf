"""A Python function that is being generated: its lines, and what is known where they stand."""

from __future__ import annotations

from collections.abc import Callable

from mlang.compile.scopes import Variable

#: A generated line: indentation, text, offset in the M source.
Line = tuple[int, str, int]


class Frame:
    """A Python function being generated.

    ``once`` tells that it runs at most once per creation (thunks), so that a variable
    mentioned nowhere else may be evaluated right in it.  ``known`` maps variables to
    locals that hold their forced value at this point; ``trail`` lists what to undo when
    the current block ends.  ``kinds`` says of expressions which Python class their values
    certainly have (see `Generator.kind`).  ``base`` is the indentation of its def.
    ``discards`` tells that the lines stand in a try whose handler does not look at the error.
    """

    __slots__ = (
        "base",
        "blocks",
        "discards",
        "fields",
        "head",
        "indent",
        "kinds",
        "known",
        "lines",
        "loop",
        "once",
        "parent",
        "trail",
    )

    def __init__(self, parent: Frame | None, once: bool, base: int | None = None) -> None:
        self.parent, self.once = parent, once
        self.base = base if base is not None else parent.depth if parent is not None else 0
        self.lines: list[Line] = []
        self.known: dict[Variable, str] = {}
        self.kinds: dict[str, str] = {}
        self.trail: list[Callable[[], None]] = []
        self.indent = 1
        self.blocks = 0
        self.discards = False
        #: (local of a record, name of a field) -> local that holds the field's forced value.
        self.fields: dict[tuple[str, str], str] = {}
        #: Of a loop: lines before it, for what is looked up once.
        self.head: list[Line] | None = None
        self.loop: tuple[Variable, list[Variable]] | None = None

    @property
    def depth(self) -> int:
        """The indentation of the current block in the unit."""
        return self.base + self.indent


def source_text(lines: list[Line]) -> tuple[str, list[int]]:
    """Lines as Python source, and for each line the offset in the M source it comes from."""
    return "\n".join(" " * indent + text for indent, text, _ in lines) + "\n", [pos for _, _, pos in lines]
