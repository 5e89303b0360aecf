"""``mlang help`` and ``:help``: pages on errors, functions, commands; and what the list of commands says."""

from __future__ import annotations

from typing import Any

import pytest
from test_cli import mlang  # noqa: F401

from mlang.app import pages
from mlang.app.repl import Repl


@pytest.mark.parametrize("name", [*pages.names(), "index"])
def test_every_page_on_an_error_is_at_hand(mlang: Any, name: str) -> None:  # noqa: F811
    done = mlang("help", name)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("# ")
    assert "```" not in done.out
    assert "](" not in done.out


@pytest.mark.parametrize(
    ("name", "beginning"),
    [
        ("Text.Start", "Text.Start(text as nullable text, count as number) as nullable text\n"),
        ("Expression.Error: The field 'b' of the record wasn't found.", "# The field"),
        ("found 'in', expected an expression", "# "),
        ("fmt", "Usage: mlang fmt [OPTIONS] [PATHS]..."),
    ],
)
def test_help(mlang: Any, name: str, beginning: str) -> None:  # noqa: F811
    done = mlang("help", name)
    assert (done.code, done.out[: len(beginning)]) == (0, beginning)


def test_help_on_nothing(mlang: Any) -> None:  # noqa: F811
    assert "did you mean Text.Start?" in mlang("help", "Text.Strat").err
    assert "did you mean conversion?" in mlang("help", "conversoin").err
    assert mlang("help", "zzz").code == 2
    assert "conversion" in mlang("help").out


def test_the_prompt_has_the_pages_too(capsys: pytest.CaptureFixture[str]) -> None:
    Repl().answer(":help cyclic")
    assert "cyclic" in capsys.readouterr().out


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_summaries_are_whole(mlang: Any, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:  # noqa: F811
    monkeypatch.setenv("COLUMNS", columns)
    for command in ([], ["staging"], ["firewall"], ["kernel"]):
        shown = mlang(*command, "--help").out
        assert "..." not in shown.partition("Commands:")[2].replace("(M101 ...)", "")
    assert "and the schema of every query, without reading rows" in " ".join(mlang("--help").out.split())
