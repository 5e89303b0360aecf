"""``python -m mlang.app``"""

from mlang.app.main import main

if __name__ == "__main__":  # worker processes of ``mlang test -j`` import this module
    main()
