"""Fuzzy matching: edits, and the index against a comparison of all pairs (results: table_fuzzy.toml)."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlang.tables.fuzzy import Reader, edits, far, letters, most_edits, word_similarity
from mlang.tables.fuzzy_index import Index, clusters

WORDS = st.text("abcd1", min_size=1, max_size=9)


def slow_edits(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before = row
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
    return row[-1]


@given(WORDS, WORDS)
def test_edits_are_counted(a: str, b: str) -> None:
    assert edits(a, b) == slow_edits(a, b) == edits(b, a)


@given(WORDS, WORDS)
def test_what_rules_a_pair_out_is_right(a: str, b: str) -> None:
    assert not far(letters(a), letters(b), edits(a, b))
    score = word_similarity(a, b)
    if 0 < score < 1:
        assert edits(a, b) <= most_edits(score, max(len(a), len(b)))


def all_pairs(index: Index, text: str, count: int) -> list[tuple[int, float]]:
    forms = index._forms(text)
    scores = [(number, index._score(forms, index.forms[number])) for number in range(count)]
    return [(number, score) for number, score in scores if score >= index.threshold]


@pytest.mark.parametrize("threshold", [1.0, 0.9, 0.8, 0.6, 0.5, 0.3])
@pytest.mark.parametrize("ignore_space", [True, False])
def test_the_index_finds_what_all_pairs_find(threshold: float, ignore_space: bool) -> None:
    chance = random.Random(7)
    parts = [
        "north",
        "south",
        "dakota",
        "micro",
        "soft",
        "microsoft",
        "grapes",
        "gra",
        "pes",
        "graeps",
        "12",
        "m365",
    ]

    def text() -> str:
        words = [chance.choice(parts) for _ in range(chance.randint(0, 5))]
        line = " ".join(words)
        if line and chance.random() < 0.6:
            place = chance.randrange(len(line))
            line = line[:place] + chance.choice("aest ") + line[place + 1 :]
        return line

    texts = list(dict.fromkeys(text() for _ in range(250)))
    index = Index(texts, Reader("", True, [("dakota", "carolina")]), ignore_space, threshold)
    for query in [text() for _ in range(120)] + texts[:40]:
        assert index.search(query) == all_pairs(index, query, len(texts)), query


@settings(max_examples=60)
@given(st.lists(st.text("abe ", max_size=8), max_size=12, unique=True))
def test_nobody_is_farther_from_the_leader_than_the_threshold(texts: list[str]) -> None:
    found = clusters(Index(texts, Reader("", True, []), True, 0.7), [1] * len(texts))
    for leader, score in found:
        assert score >= 0.7
        assert found[leader] == (leader, 1.0)
