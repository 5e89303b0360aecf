"""``python -m mlang``: the command line."""

from mlang.app.main import main

main()
