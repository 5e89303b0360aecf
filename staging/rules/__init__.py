"""The rules L1 to L19 about dataflows.  Read ``base.py`` for what a rule is; the others hold them by subject."""

from __future__ import annotations

from staging.rules import base, document, folding, loading, storing

__all__ = ["RULES", "document", "folding", "loading", "storing"]

#: The rules by number.
RULES = dict(sorted(base.RULES.items(), key=lambda entry: int(entry[0][1:])))
