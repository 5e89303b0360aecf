"""``mlang lint``: what is probably wrong or slow in M text, without running it.

Read ``base.py`` (findings, rules, ignoring), ``scopes.py`` (which name means what), ``names.py``,
``forms.py``, ``tables.py``, ``calls.py`` and ``sources.py`` (the rules), ``fixes.py`` (their cures) and
``command.py``, in this order.
"""
