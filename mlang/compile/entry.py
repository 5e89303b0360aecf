"""Where evaluation begins: documents, units of generated code, and the thread they run in.

A `Document` is a parsed text with its members; a member (or the expression of an
expression document) is a `Unit`: compiled when it is first evaluated, and remembered.
`run` is the way into generated code: it enters through a function with a big frame
(see docs/decisions/evaluator.md), with a high recursion limit, on a thread with a
large stack.  Everything that evaluates on behalf of a user goes through it.
"""

from __future__ import annotations

import gc
import sys
import threading
import warnings
from collections.abc import Callable, Iterable
from contextvars import copy_context
from itertools import count
from weakref import WeakValueDictionary

from mlang import errors, registry
from mlang.compile.scopes import Global, UnknownName, resolve
from mlang.errors import Cancelled, Fault, MError
from mlang.session import _CURRENT, Session, current, use
from mlang.syntax import nodes, parse_document
from mlang.values.functions import Function
from mlang.values.thunk import DONE, Thunk, failed

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any, TypeVar

    T = TypeVar("T")


_numbers = count(1)
#: File name of generated code -> its unit, for whoever renders an error's place.
UNITS: WeakValueDictionary[str, Unit] = WeakValueDictionary()


class Environment:
    """Names from outside an expression: members of its document, then extras, then the library."""

    def __init__(self, document: Document, section: nodes.Section | None) -> None:
        self.document, self.section = document, section

    def find(self, name: str) -> Global | None:
        """What a free name means; None when nothing defines it."""
        thunk = self.document.member(name, self.section)
        if thunk is not None:
            return Global(name, thunk)
        given = self.document.environment
        if given is not None:
            return Global(name, given[name]) if name in given else self._hash_name(name)
        if name == "#shared":
            return Global(name, Thunk(self.document.shared))
        if name == "#sections":
            return Global(name, Thunk(self.document.section_records))
        entry = registry.lookup(name)
        return Global(name, builtin=entry) if entry is not None else None

    def _hash_name(self, name: str) -> Global | None:
        """In a given environment only the # constructors of the language are left (GRM-55)."""
        if name.startswith("#") and name not in ("#shared", "#sections"):
            entry = registry.lookup(name)
            return Global(name, builtin=entry) if entry is not None else None
        return None


class Unit:
    """One expression of a document: compiled at first use."""

    def __init__(
        self, document: Document, node: nodes.Node, section: nodes.Section | None, name: str
    ) -> None:
        self.document, self.node, self.section, self.name = document, node, section, name
        self.filename = f"<m:{next(_numbers)}>"
        self.positions: list[int] = []
        #: Python name of a generated function -> its Spec (see values/functions.captured).
        self.specs: dict[str, Any] = {}
        self.source = ""
        #: The compiled code and its constants, where they hold nothing of one evaluation.
        self.ready: tuple[Any, dict[str, Any]] | None = None
        #: Whether a constant is the session's (its culture).
        self.ambient = False
        UNITS[self.filename] = self

    def builtin_value(self, entry: Any) -> Any:
        """The value behind a library declaration."""
        if isinstance(entry, registry.Builtin):
            return entry.function
        self.ambient = self.ambient or entry.__class__ is not registry.Constant
        return entry.value

    def section_member(self, node: nodes.SectionAccess) -> Thunk:
        """The member that ``section!member`` names."""
        for section in self.document.sections:
            if section.name == node.section and node.name in self.document.thunks[id(section)]:
                return self.document.thunks[id(section)][node.name]
        raise UnknownName(node, f"{node.section}!{node.name}")

    def evaluate(self) -> Any:
        """Compiles and runs."""
        return (self.compile(self.node) if self.ready is None else self._started(*self.ready))()

    def compile(self, node: nodes.Node) -> Callable[[], Any]:
        """The unit's Python function."""
        from mlang.compile import codegen, expressions, forms

        assert expressions
        try:
            resolution = resolve(node, Environment(self.document, self.section))
            generator = codegen.Generator(resolution, self)
            forms.tail(generator, node, None)
        except UnknownName as unknown:
            raise self.document.unknown(unknown) from None
        lines: list[codegen.Line] = [(0, "def unit():", node.pos), *generator.frame.lines]
        for function in generator.lifted.values():
            lines += function
        self.source, self.positions = codegen.source_text(lines)
        return self._load(generator.globals)

    def _load(self, constants: dict[str, Any]) -> Callable[[], Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # M may subscript null: its error comes later
            code = compile(self.source, self.filename, "exec")
        if not self.ambient and not any(value.__class__ is Thunk for value in constants.values()):
            self.ready = code, constants
        return self._started(code, constants)

    def _started(self, code: Any, constants: dict[str, Any]) -> Callable[[], Any]:
        """The unit's function, with globals of its own."""
        from mlang.compile.runtime import NAMES

        scope: dict[str, Any] = {**NAMES, **constants}
        exec(code, scope)
        function: Callable[[], Any] = scope["unit"]
        function.__globals__["UNIT"] = self  # keeps the unit alive as long as its functions
        return function

    def position(self, line: int) -> int | None:
        """The offset in the M source that a line of generated code comes from."""
        return self.positions[line - 1] if 0 < line <= len(self.positions) else None


class Document:
    """A text with its sections, or one expression.

    ``overrides`` replaces members by values; ``environment`` (a record) is all that an
    expression sees besides itself, as ``Expression.Evaluate`` has it.
    """

    def __init__(
        self,
        source: str | nodes.Node,
        *,
        filename: str | None = None,
        overrides: dict[str, Any] | None = None,
        environment: dict[str, Any] | None = None,
    ) -> None:
        alone = isinstance(source, str) and filename is None and environment is None and not overrides
        known = _known.get(str(source)) if alone else None
        if isinstance(source, str):
            self.text: str = source
            self.tree: nodes.Node = known.node if known is not None else parse_document(source, filename)
        else:
            self.text, self.tree = "", source
        self.filename = filename
        self.overrides = dict(overrides or {})
        self.environment = environment
        self.sections: tuple[nodes.Section, ...] = ()
        #: Per section (by identity) its members' thunks.
        self.thunks: dict[int, dict[str, Thunk]] = {}
        self.units: dict[str, Unit] = {}
        if isinstance(self.tree, nodes.SectionDocument):
            self.sections = self.tree.sections
            for section in self.sections:
                self.thunks[id(section)] = {m.name: self._member_thunk(section, m) for m in section.members}
        else:
            if alone and known is None and len(self.text) <= _KNOWN_LENGTH:
                known = _remember(self.text, self.tree)
            self._expression = known if known is not None else Unit(self, self.tree, None, "")
            self._value = Thunk(self._expression.evaluate)

    def _member_thunk(self, section: nodes.Section, member: nodes.Member) -> Thunk:
        if member.name in self.overrides:
            value = self.overrides[member.name]
            return value if isinstance(value, Thunk) else Thunk(lambda: value)
        unit = Unit(self, member.value, section, member.name)
        self.units[member.name] = unit
        return Thunk(unit.evaluate)

    @property
    def is_section(self) -> bool:
        """Whether this is a section document (else one expression)."""
        return bool(self.thunks) or isinstance(self.tree, nodes.SectionDocument)

    @property
    def members(self) -> dict[str, nodes.Member]:
        """All members of all sections by name, in order."""
        return {m.name: m for s in self.sections for m in s.members}

    def member(self, name: str, section: nodes.Section | None) -> Thunk | None:
        """A member by plain name: of the own section, else a shared one of another."""
        if section is not None:
            own = self.thunks[id(section)].get(name)
            if own is not None:
                return own
        shared = [
            self.thunks[id(other)][name]
            for other in self.sections
            if other is not section and any(m.shared for m in other.members if m.name == name)
        ]
        return _only(name, shared) if shared else None

    def value(self, query: str | None = None) -> Any:
        """The forced value of a member, or of the expression."""
        return self.thunk(query).get()

    def thunk(self, query: str | None = None) -> Thunk:
        """The thunk of a member, or of the expression; `Fault` for an unknown or missing query name."""
        if not self.is_section:
            if query is not None:
                raise Fault(f"the text is one expression, it has no query '{query}'")
            return self._value
        if query is None:
            shared = [n for n, m in self.members.items() if m.shared]
            if len(shared) == 1:
                query = shared[0]
            else:
                raise Fault(f"name one of the queries: {', '.join(shared) or 'none is shared'}")
        for section in self.sections:
            if query in self.thunks[id(section)]:
                return self.thunks[id(section)][query]
        raise Fault(f"there is no query '{query}'{suggestion(query, list(self.members))}")

    def dependencies(self, name: str) -> set[str]:
        """The members that a member's expression mentions by plain name."""
        members = self.members
        return {n.name for n in members[name].value.walk() if isinstance(n, nodes.Name) and n.name in members}

    def steps(self, query: str | None = None) -> list[tuple[str, Thunk]]:
        """The let variables of a query's outermost let, in order, each to be evaluated on demand.

        The last entry is the value of the query itself under the name "".
        """
        unit = self._expression if not self.is_section else self._unit(query)
        node = unit.node
        while isinstance(node, nodes.Parenthesized):
            node = node.inner
        if not isinstance(node, nodes.Let):
            return [("", Thunk(unit.evaluate))]
        result = nodes.Binding("", node.body, node.body.pos, node.body.end)
        record = Unit(
            self, nodes.Record((*node.bindings, result), node.pos, node.end), unit.section, unit.name
        )
        fields = record.evaluate()
        return [(n, v if isinstance(v, Thunk) else Thunk(_constantly(v))) for n, v in fields.items()]

    def _unit(self, query: str | None) -> Unit:
        self.thunk(query)  # raises for names that are not there
        if query is None:
            query = next(n for n, m in self.members.items() if m.shared)
        return self.units[query]

    def evaluated(self) -> list[tuple[str, Any]]:
        """The members that have a value already, and their values."""
        members = [m for section in self.sections for m in self.thunks[id(section)].items()]
        return [(name, thunk.content) for name, thunk in members if thunk.state == DONE]

    def shared(self) -> dict[str, Any]:
        """``#shared``: the library and the document's shared members (GRM-53)."""
        registry.load_all()
        record: dict[str, Any] = {name: _delayed(entry) for name, entry in sorted(registry.BUILTINS.items())}
        exported: dict[str, list[Thunk]] = {}
        for section in self.sections:
            for member in section.members:
                if member.shared:
                    exported.setdefault(member.name, []).append(self.thunks[id(section)][member.name])
        return record | {name: _only(name, thunks) for name, thunks in exported.items()}

    def section_records(self) -> dict[str, Any]:
        """``#sections``: each section's members, shared or not (GRM-47)."""
        return {s.name or "": dict(self.thunks[id(s)]) for s in self.sections}

    def unknown(self, unknown: UnknownName) -> MError:
        """The engine's error for a name that nothing defines (ERR-23)."""
        from mlang.syntax.spans import line_column

        node = unknown.node
        start, end = line_column(self.text, node.pos), line_column(self.text, node.end)
        where = f"[{start[0]},{start[1]}-{end[0]},{end[1]}] "
        text = f"The name '{unknown.name}' doesn't exist in the current context."
        if unknown.name == "_":  # ERR-24
            text = (
                "There is an unknown identifier. Did you use the [field] shorthand for a _[field] outside of "
                "an 'each' expression?"
            )
        location = {
            "Kind": "Language.TextSourceLocation",
            "Text": "",
            "Range": {
                "Start": {"Line": float(start[0] - 1), "Column": float(start[1] - 1)},
                "End": {"Line": float(end[0] - 1), "Column": float(end[1] - 1)},
            },
        }
        error = errors.expression_error(where + text, detail=[{"Location": location, "Text": text}])
        error.frames = []
        error.unknown_name = unknown.name  # type: ignore[attr-defined]
        error.place = (self, node.pos, node.end)  # type: ignore[attr-defined]
        return error


#: Expressions that were evaluated before, by their texts: a text on its own always compiles to the same code.
_known: dict[str, Unit] = {}
_KNOWN_TEXTS, _KNOWN_LENGTH = 64, 20_000


def _remember(text: str, tree: nodes.Node) -> Unit:
    """The unit of a text, for all evaluations of it; its document is never evaluated, so it holds no values."""
    document = Document(tree)
    document.text = text
    for oldest in list(_known)[: max(0, len(_known) - _KNOWN_TEXTS + 1)]:
        _known.pop(oldest, None)
    _known[text] = document._expression
    return document._expression


def _only(name: str, shared: list[Thunk]) -> Thunk:
    """The one shared member of a name; one that fails when there are more (GRM-51)."""
    return shared[0] if len(shared) == 1 else failed(errors.ambiguous_member(name))


def _constantly(value: Any) -> Callable[[], Any]:
    return lambda: value


def _delayed(entry: registry.Builtin | registry.Constant) -> Any:
    if isinstance(entry, registry.Constant):
        return entry.value
    return Thunk(lambda: entry.function)


def suggestion(name: str, known: Iterable[str]) -> str:
    """ "; did you mean 'x'?" for a name that resembles a known one."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), 1, 0.6)
    return f"; did you mean '{close[0]}'?" if close else ""


# ---------------------------------------------------------------- running

RECURSION_LIMIT = 400_000
#: Stack sizes to try, largest first: where memory is limited a large one cannot be had.
STACKS = tuple(mega << 20 for mega in (256, 64, 16))
_inside = threading.local()


def _enter(function: Callable[[], T]) -> T:
    return function()


# Frames live in 16 kB chunks, and recursion that oscillates across a chunk's end allocates one per
# call (28 times slower).  A caller with a huge frame makes one chunk big enough for everything below.
_enter.__code__ = _enter.__code__.replace(co_stacksize=1_100_000)


def run(function: Callable[[], T], session: Session | None = None) -> T:
    """Calls a function that evaluates M, in a session, on a deep stack.

    Raises what it raises; running out of stack is the engine's stack overflow error.
    """
    if getattr(_inside, "active", False):
        if session is None:
            return function()
        with use(session):
            return function()
    outcome: list[Any] = []
    context = copy_context()
    chosen = session if session is not None else current()

    def work() -> None:
        _inside.active = True
        limit, thresholds = sys.getrecursionlimit(), gc.get_threshold()
        sys.setrecursionlimit(RECURSION_LIMIT)
        gc.set_threshold(200_000, 20, 100)
        try:
            with use(chosen):
                outcome.append(_enter(function))
        except RecursionError:
            outcome.append(_Raised(errors.stack_overflow()))
        except BaseException as error:
            outcome.append(_Raised(error))
        finally:
            sys.setrecursionlimit(limit)
            gc.set_threshold(*thresholds)

    try:
        _join(lambda: context.run(work), lambda: {chosen, context.get(_CURRENT) or chosen})
        result = outcome[0]
    finally:
        outcome.clear()  # libraries keep errors, and with them frames: an engine's connection must not stay there
    if isinstance(result, _Raised):
        if isinstance(result.error, MError):
            from mlang.values.thunk import keep_frames

            keep_frames(result.error)
        raise result.error
    return result  # type: ignore[no-any-return]


class _Raised:
    def __init__(self, error: BaseException) -> None:
        self.error = error


#: Seconds after which an engine is told once more to stop.
_AGAIN = 0.1


def _join(work: Callable[[], None], sessions: Callable[[], set[Session]]) -> None:
    """Runs ``work`` on a thread with a large stack; Ctrl-C cancels it there, and the engine's query.

    ``sessions`` are those whose engine may be at work: what runs inside another evaluation, or reads a table of one
    that ended, does so in a session of its own.
    """
    ended = threading.Event()  # a join that was interrupted takes a living thread for dead (CPython 3.11)

    def watched() -> None:
        try:
            work()
        finally:
            ended.set()

    thread = _start(watched)
    if thread is None:
        work()  # no room for another stack: the caller's own has to do
        return
    try:
        ended.wait()
        thread.join()
    except KeyboardInterrupt:
        import ctypes

        ident = ctypes.c_ulong(thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(Cancelled))
        while True:  # an engine that is about to begin a query does not hear
            for session in sessions():
                engine = session.fixed.get("folding.cursor")
                if engine is not None:
                    engine.interrupt()
            if ended.wait(_AGAIN):
                break
        raise


def _start(work: Callable[[], None]) -> threading.Thread | None:
    """A thread with the largest stack that can be had."""
    for size in STACKS:
        thread = threading.Thread(target=work, name="mlang")
        before = threading.stack_size(size)
        try:
            thread.start()
        except (RuntimeError, MemoryError):
            continue
        finally:
            threading.stack_size(before)
        return thread
    return None


__all__ = ["UNITS", "Document", "Environment", "Function", "Unit", "run", "suggestion"]
