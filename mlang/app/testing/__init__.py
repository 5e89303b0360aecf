"""``mlang test``: finds tests, runs them, compares values and writes reports.

Read ``outcome.py`` (what a test comes to), ``discover.py`` (files to tests), ``cases.py`` (running one
file), ``facts.py`` (lists of expected and actual values), ``diff.py`` (why two values differ),
``reports.py`` (JUnit, TAP, TRX, annotations) and ``runner.py`` (the command), in this order.
"""
