"""The command line and the REPL: front doors that nothing else imports.

`main.py` is the entry; it answers the common short commands without loading anything heavy and
hands the rest to `cli.py`.
"""
