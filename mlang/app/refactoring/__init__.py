"""Edits of M texts by their meaning: rename, replace a source, extract a query, inline a step; and what a
document is made of: dependencies, differences.

Read ``source.py`` (a text with names and their places), ``edits.py`` (edits and how they are written),
``verify.py`` (why an edit is safe), then one file an edit, ``deps.py``, ``compare.py`` and ``commands.py``.
"""
