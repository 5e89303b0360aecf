"""How alike two texts are: words that may be misspelt, compared as sets.

`Reader` turns a text into words, `Similarity` scores two lists of words between 0 and 1.  The
measure is ours (the product publishes only "Jaccard"); ``docs/decisions/fuzzy.md`` says why it
is what it is.  ``fuzzy_index.py`` finds similar texts without comparing all pairs.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache

Words = tuple[str, ...]

_WORD = re.compile(r"[^\W_]+")
_INSIDE = str.maketrans("", "", "'’ʼ")
#: What a match through the transformation table costs (FUZ-06).
PENALTY = 0.05
#: The most parts that are tried as one word ("Micro soft", "Blue ber ries").
PARTS = 3


class Reader:
    """Texts as words: letter case by culture unless it matters, no punctuation, mapped words beside."""

    def __init__(self, culture: str, ignore_case: bool, mappings: list[tuple[str, str]]) -> None:
        self.culture, self.ignore_case = culture, ignore_case
        self.mappings: dict[Words, Words] = {}
        for old, new in mappings:
            words = self.words(old)
            if words:
                self.mappings.setdefault(words, self.words(new))
        self._longest = max((len(words) for words in self.mappings), default=0)

    def words(self, text: str) -> Words:
        """The words of a text; one of punctuation alone is a word itself."""
        text = unicodedata.normalize("NFKC", text)
        if self.ignore_case:
            from mlang.culture.text import lower

            text = lower(text, self.culture)
        return tuple(_WORD.findall(text.translate(_INSIDE))) or ((text.strip(),) if text.strip() else ())

    def mapped(self, words: Words) -> Words | None:
        """The words after the transformation table, all occurrences at once; None when it has none of them."""
        result: list[str] = []
        place, changed = 0, False
        while place < len(words):
            for length in range(min(self._longest, len(words) - place), 0, -1):
                new = self.mappings.get(words[place : place + length])
                if new is not None:
                    result.extend(new)
                    place += length
                    changed = True
                    break
            else:
                result.append(words[place])
                place += 1
        return tuple(result) if changed else None


# ---------------------------------------------------------------- words


def edits(a: str, b: str) -> int:
    """How many letters must be put in, taken out or replaced (Myers' bit vectors)."""
    if len(a) > len(b):
        a, b = b, a
    if not a:
        return len(b)
    places: dict[str, int] = {}
    for i, letter in enumerate(a):
        places[letter] = places.get(letter, 0) | 1 << i
    full, last = (1 << len(a)) - 1, 1 << (len(a) - 1)
    up, down, distance = full, 0, len(a)
    for letter in b:
        here = places.get(letter, 0)
        vertical = here | down
        across = (((here & up) + up) ^ up) | here
        plus = (down | ~(across | up)) & full
        minus = up & across
        if plus & last:
            distance += 1
        elif minus & last:
            distance -= 1
        plus = (plus << 1 | 1) & full
        minus = minus << 1 & full
        up = (minus | ~(vertical | plus)) & full
        down = plus & vertical
    return distance


def word_similarity(a: str, b: str) -> float:
    """1 for equal words, 0.8 or more for a misspelt one, 0 where half of the letters differ.

    Numbers are alike only when equal, and short words are judged more strictly.
    """
    if a == b:
        return 1.0
    length = max(len(a), len(b))
    most = (length - 1) // 2
    if abs(len(a) - len(b)) > most or a.isdigit() or b.isdigit() or far(letters(a), letters(b), most):
        return 0.0
    share = edits(a, b) / length
    if share >= 0.5:
        return 0.0
    score = 0.98 - 0.54 * share if 3 * share <= 1 else 4.8 * (0.5 - share)
    return max(0.0, score - _shortness(length))


def _shortness(length: int) -> float:
    return 0.1 * max(0, 5 - length)


def most_edits(score: float, length: int) -> int:
    """How many edits a pair of words, the longer one of this length, may have for a score."""
    needed = score + _shortness(length)
    share = (0.98 - needed) / 0.54 if needed >= 0.8 else 0.5 - needed / 4.8
    return max(0, min(int(share * length + 1e-9), (length - 1) // 2))


@lru_cache(maxsize=65536)
def letters(word: str) -> int:
    """Which letters a word has, and which twice, as bits (some share one)."""
    bits = 0
    for letter in word:
        bit = 1 << ord(letter) % 64
        bits |= bit << 64 if bits & bit else bit
    return bits


def far(a: int, b: int, most: int) -> bool:
    """Whether the letters alone show that two words are more than so many edits apart."""
    return (a & ~b).bit_count() > most or (b & ~a).bit_count() > most


# ---------------------------------------------------------------- texts


class Similarity:
    """Scores of word lists: the mean of Jaccard similarity and of containment, over pairs of alike words."""

    def __init__(self, ignore_space: bool) -> None:
        self.ignore_space = ignore_space
        self._known: dict[tuple[str, str], float] = {}

    def of_words(self, a: str, b: str) -> float:
        """`word_similarity`, remembered."""
        if a == b:
            return 1.0
        pair = (a, b) if a < b else (b, a)
        score = self._known.get(pair)
        if score is None:
            score = self._known[pair] = word_similarity(a, b)
        return score

    def of_texts(self, a: Words, b: Words) -> float:
        """Between 0 and 1, rounded so that thresholds are met in decimals."""
        if a == b:
            return 1.0
        if not a or not b:
            return 0.0
        score = self._overlap(a, b)
        if self.ignore_space and score < 1.0:
            one = self._combined(a, b)
            other = self._combined(b, one)
            if one is not a or other is not b:
                score = max(score, self._overlap(one, other))
        return round(score, 10)

    def _overlap(self, a: Words, b: Words) -> float:
        common = Counter(a) & Counter(b)
        pairs = sum(common.values())
        total = float(pairs)
        left, right = _rest(a, common), _rest(b, common)
        if left and right:
            alike = [
                (-score, i, j)
                for i, word in enumerate(left)
                for j, other in enumerate(right)
                if (score := self.of_words(word, other)) > 0.0
            ]
            alike.sort()
            used: set[int] = set()
            taken: set[int] = set()
            for score, i, j in alike:
                if i not in used and j not in taken:
                    used.add(i)
                    taken.add(j)
                    total -= score
                    pairs += 1
        union = len(a) + len(b) - pairs
        return (total / union + total / min(len(a), len(b))) / 2

    def _combined(self, words: Words, other: Words) -> Words:
        """The words with neighbours put together where the other text has them as one word."""
        if len(words) < 2:
            return words
        targets = set(other).difference(words)
        result: list[str] = []
        place = 0
        while place < len(words):
            for length in range(min(PARTS, len(words) - place), 1, -1):
                joined = combination(words[place : place + length])
                if joined is not None and joined in targets:
                    result.append(joined)
                    place += length
                    break
            else:
                result.append(words[place])
                place += 1
        if len(result) < len(words):
            return tuple(result)
        return self._misspelt(words, other)

    def _misspelt(self, words: Words, other: Words) -> Words:
        """A whole text of some parts as one word, where the other text is one that none of them is like."""
        if len(other) != 1 or len(words) > PARTS:
            return words
        joined = combination(words)
        if joined is None or any(self.of_words(word, other[0]) > 0.0 for word in words):
            return words
        return (joined,) if self.of_words(joined, other[0]) > 0.0 else words


def _rest(words: Words, common: Counter[str]) -> list[str]:
    """The words that are not among the common ones, as often as they are left over."""
    if not common:
        return list(words)
    left = dict(common)
    rest: list[str] = []
    for word in words:
        if left.get(word, 0):
            left[word] -= 1
        else:
            rest.append(word)
    return rest


def combination(words: Words) -> str | None:
    """Parts of a word as one; digits do not combine ("M 365" is not "M365")."""
    return "".join(words) if all(word.isalpha() for word in words) else None
