"""Finding similar texts: an inverted index over words and over pieces of words.

`Index.search` gives all texts that reach a threshold.  A text can only reach it when enough of
its words have a like one, so only its rarest words are looked up, and only for words alike enough;
those are found by the three-letter pieces they share.  `clusters` merges texts into groups, nearest first.
Scores are in ``fuzzy.py``; the table steps that use both are in ``fuzzy_join.py``.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain

from mlang.tables.fuzzy import (
    PARTS,
    PENALTY,
    Reader,
    Similarity,
    Words,
    combination,
    far,
    letters,
    most_edits,
)

_NONE: list[int] = []
#: How alike looked-up words must be for looking up only some words of a text; longer texts look up all.
_WORTH = 0.55
_LONG = 12


class _Vocabulary:
    """Words, found by likeness."""

    def __init__(self, similarity: Similarity) -> None:
        self.similarity = similarity
        self._words: dict[str, int] = {}
        self._spelt: list[str] = []
        self._pieces: dict[str, list[int]] = {}
        self._by_length: dict[int, list[int]] = {}
        self._alike: dict[tuple[str, float], list[str]] = {}

    def add(self, word: str) -> None:
        """One more word; numbers are not alike to others and need not be found."""
        if word in self._words or word.isdigit():
            return
        number = self._words[word] = len(self._spelt)
        self._spelt.append(word)
        self._by_length.setdefault(len(word), []).append(number)
        for piece in _pieces(word):
            self._pieces.setdefault(piece, []).append(number)

    def alike(self, word: str, least: float) -> list[str]:
        """The words that are so alike to a word, itself among them."""
        found = self._alike.get((word, least))
        if found is None:
            near = [] if word.isdigit() or not self._spelt else self._near(word, least)
            scores = [(other, self.similarity.of_words(word, other)) for other in near]
            found = [other for other, score in scores if score > 0.0 and score >= least]
            self._alike[(word, least)] = found
        return found

    def _near(self, word: str, least: float) -> list[str]:
        """Words that may be so alike, by length, pieces and letters."""
        length, own = len(word), letters(word)
        most: dict[int, int] = {}
        for size in self._by_length:
            edits = most_edits(least, max(length, size))
            if abs(length - size) <= edits:
                most[size] = edits
        shared = Counter(chain.from_iterable(self._pieces.get(piece, _NONE) for piece in _pieces(word)))
        # An edit spoils three of the longer word's length + 2 pieces; where none need be left, look at all.
        needed = {size: max(length, size) + 2 - 3 * edits for size, edits in most.items()}
        found: list[str] = []
        for number, count in shared.items():
            other = self._spelt[number]
            pieces = needed.get(len(other), 99)
            if count >= pieces > 0 and not far(own, letters(other), most[len(other)]):
                found.append(other)
        for size, pieces in needed.items():
            if pieces <= 0:
                others = [self._spelt[number] for number in self._by_length[size]]
                found += [other for other in others if not far(own, letters(other), most[size])]
        return found


class Index:
    """Texts by their words.  ``search`` answers with (number of the text, score) pairs, in order."""

    def __init__(self, texts: list[str], reader: Reader, ignore_space: bool, threshold: float) -> None:
        self.reader, self.threshold = reader, threshold
        self.similarity = Similarity(ignore_space)
        self.forms = [self._forms(text) for text in texts]
        self._texts: dict[str, list[int]] = {}
        self._plans: dict[int, tuple[int, float]] = {}
        #: All words; texts that are one word; texts of some parts as one word.
        self._words, self._single, self._whole = (_Vocabulary(self.similarity) for _ in range(3))
        for number, forms in enumerate(self.forms):
            for words in dict.fromkeys(words for words, _ in forms):
                self._add(number, words)

    def _forms(self, text: str) -> list[tuple[Words, float]]:
        """A text's words, and its words after the transformation table with what that costs."""
        words = self.reader.words(text)
        mapped = self.reader.mapped(words)
        return [(words, 0.0)] if mapped is None else [(words, 0.0), (mapped, PENALTY)]

    def _add(self, number: int, words: Words) -> None:
        for word in words:
            self._words.add(word)
        if len(words) == 1:
            self._single.add(words[0])
        whole = self._as_one(words)
        if whole is not None:
            self._whole.add(whole)
        for word in dict.fromkeys(chain(words, self._combinations(words))):
            numbers = self._texts.setdefault(word, [])
            if not numbers or numbers[-1] != number:
                numbers.append(number)

    def _as_one(self, words: Words) -> str | None:
        """A text of a few parts as one word."""
        if not self.similarity.ignore_space or not 2 <= len(words) <= PARTS:
            return None
        return combination(words)

    def _combinations(self, words: Words) -> list[str]:
        """Neighbouring parts of a text as one word."""
        if not self.similarity.ignore_space:
            return []
        joined = [
            combination(words[i : i + length])
            for length in range(2, PARTS + 1)
            for i in range(len(words) - length + 1)
        ]
        return [word for word in joined if word is not None]

    def _probes(self, words: Words) -> tuple[list[str], float]:
        """The rarest words of a text: one of them has a word this alike in any text that reaches the threshold."""
        plan = self._plans.get(len(words))
        if plan is None:
            plan = self._plans[len(words)] = _plan(self.threshold, len(words))
        rarest = sorted(words, key=lambda word: len(self._texts.get(word, _NONE)))
        return rarest[: plan[0]], plan[1]

    def _candidates(self, words: Words) -> set[int]:
        """Numbers of texts that may reach the threshold."""
        probes, least = self._probes(words)
        found = [*probes, *self._combinations(words)]
        for word in probes:
            found += self._words.alike(word, least)
        close = round(self.threshold - 1e-6, 6)
        if len(words) == 1:
            found += self._whole.alike(words[0], close)
        whole = self._as_one(words)
        if whole is not None:
            found += self._single.alike(whole, close)
        return set(chain.from_iterable([self._texts.get(word, _NONE) for word in found]))

    def search(self, text: str) -> list[tuple[int, float]]:
        """The texts that reach the threshold, each with its score."""
        return self._matches(self._forms(text))

    def _matches(self, forms: list[tuple[Words, float]]) -> list[tuple[int, float]]:
        found: list[int] = []
        if self.threshold <= 0.0:
            found = list(range(len(self.forms)))
        elif any(not words for words, _ in forms):
            found = [i for i, others in enumerate(self.forms) if any(not words for words, _ in others)]
        if not found:
            numbers: set[int] = set()
            for words, _ in forms:
                numbers |= self._candidates(words)
            found = sorted(numbers)
        scored = [(number, self._score(forms, self.forms[number])) for number in found]
        return [(number, score) for number, score in scored if score >= self.threshold]

    def _score(self, forms: list[tuple[Words, float]], others: list[tuple[Words, float]]) -> float:
        of_texts = self.similarity.of_texts
        return round(
            max(
                max(0.0, of_texts(words, other) - max(cost, price))
                for words, cost in forms
                for other, price in others
            ),
            10,
        )

    def neighbours(self) -> dict[tuple[int, int], float]:
        """Every pair of its own texts (lower number first) that reaches the threshold."""
        pairs: dict[tuple[int, int], float] = {}
        for number, forms in enumerate(self.forms):
            for other, score in self._matches(forms):
                if other != number:
                    pairs.setdefault((min(number, other), max(number, other)), score)
        return pairs


def _plan(threshold: float, count: int) -> tuple[int, float]:
    """How many of a text's words to look up, and how alike a word one of them must find at least."""
    for tried in range(1, count if count <= _LONG else 0):
        least = _least(threshold, count, tried)
        if least >= _WORTH:
            return tried, round(least - 1e-6, 6)
    least = _least(threshold, count, count) if count <= _LONG else 0.0
    return count, round(max(0.0, least - 1e-6), 6)


def _least(threshold: float, count: int, tried: int) -> float:
    """How alike the best of so many pairs is at least, in any text that reaches the threshold.

    The other text has n words, k of which pair with these, u with words that are not looked up.  The
    score says how much all pairs need together; the latter give at most 1 each.  (More than ``count``
    words in the other text only ask for more.)
    """
    least = 1.0
    for n in range(1, count + 1):
        for k in range(1, n + 1):
            total = 2 * threshold / (1 / (count + n - k) + 1 / n)
            if total > k:
                continue
            for u in range(min(count - tried, k) + 1):
                if u == k:
                    return 0.0
                least = min(least, (total - u) / (k - u))
    return least


def _pieces(word: str) -> set[str]:
    """Each three letters in a row, those that come twice told apart, so that shared ones can be counted."""
    padded = f"\0\0{word}\0\0"
    seen: dict[str, int] = {}
    result: set[str] = set()
    for i in range(len(padded) - 2):
        piece = padded[i : i + 3]
        times = seen[piece] = seen.get(piece, 0) + 1
        result.add(piece if times == 1 else f"{piece}{times}")
    return result


# ---------------------------------------------------------------- clusters


def clusters(index: Index, counts: list[int]) -> list[tuple[int, float]]:
    """For each text of an index the text that stands for its group, and how alike they are.

    The nearest groups merge first.  The text that occurs most often stands for a group, the first
    of them where several do; groups stay apart where it would not reach the threshold with all others.
    """
    near = index.neighbours()
    leader = list(range(len(counts)))
    members = {number: [number] for number in leader}

    def score(a: int, b: int) -> float | None:
        return 1.0 if a == b else near.get((a, b) if a < b else (b, a))

    ranked = sorted((-similarity, a, b) for (a, b), similarity in near.items())
    for _, a, b in ranked:
        one, other = leader[a], leader[b]
        if one == other:
            continue
        first = min(one, other, key=lambda number: (-counts[number], number))
        joined = other if first == one else one
        if all(score(first, number) is not None for number in members[joined]):
            for number in members[joined]:
                leader[number] = first
            members[first] += members.pop(joined)
    return [(leader[number], score(leader[number], number) or 0.0) for number in range(len(counts))]
