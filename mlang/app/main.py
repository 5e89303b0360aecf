"""The entry of the command line: ``mlang eval EXPR`` at once, everything else through `cli.py`.

Only what an evaluation itself needs is imported here, so that short commands start in
hundredths of a second.  Results go to stdout, everything else to stderr; the exit code is
0 when all went well, 1 for an M error, 2 for wrong usage or a text that is no M.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any


def main(argv: list[str] | None = None) -> None:
    """Runs one command and ends the process with its exit code."""
    arguments = [_readable(a) for a in sys.argv[1:]] if argv is None else argv
    _use_utf8()
    try:
        code = _fast(arguments)
        if code is None:
            from mlang.app.cli import run

            code = run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        code = broken_pipe()
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        code = 130
    sys.exit(code)


def _use_utf8() -> None:
    """M texts are Unicode: a pipe with another encoding must not lose them."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure") and not stream.isatty():
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _readable(argument: str) -> str:
    """An argument as UTF-8 text also where the locale says something else."""
    if argument.isascii() or argument.isprintable():
        return argument
    import os

    try:
        return os.fsencode(argument).decode("utf-8")
    except UnicodeError:
        return argument


def broken_pipe() -> int:
    """The reader of our output went away (``| head``): not worth a message."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _fast(arguments: list[str]) -> int | None:
    """``eval EXPR`` without options, and the version; None when it is something else."""
    if arguments in (["--version"], ["version"]):
        import mlang

        print(f"mlang {mlang.__version__}")
        return 0
    if len(arguments) == 2 and arguments[0] == "eval" and arguments[1][:1] not in ("-", ""):
        return guarded(lambda: _eval(arguments[1]))
    return None


def _eval(source: str) -> int:
    import mlang
    from mlang.compile.entry import run

    run(lambda: show(mlang.evaluate(source)))
    return 0


def show(value: object) -> None:
    """A value on stdout: tables by rows, everything else as M text."""
    from mlang.values.kinds import kind_of

    kind = kind_of(value)
    if kind == "table":
        from mlang.app.render import print_table

        print_table(value)
        return
    if kind == "list":
        _show_list(value)
        return
    from mlang.values.show import to_m

    print(to_m(value))


#: Characters of a list that are held back, so that a short list with an error in it prints nothing but that.
_HELD = 1_000_000


def _show_list(items: Any) -> None:
    """A list of any length in bounded memory: written in pieces as its items come."""
    from mlang.values.show import to_m

    held, size, separator = ["{"], 0, ""
    for item in items:
        held.append(separator + to_m(item))
        size += len(held[-1])
        separator = ", "
        if size > _HELD:
            sys.stdout.write("".join(held))
            held, size = [], 0
    print("".join(held) + "}")


def guarded(action: Callable[[], int]) -> int:
    """Runs an action; errors of M, of the text and of the files become messages and exit codes."""
    from mlang.errors import Fault, MError

    try:
        return action()
    except (MError, Fault) as error:
        from mlang.app.report import print_error

        return print_error(error)


if __name__ == "__main__":
    main()
