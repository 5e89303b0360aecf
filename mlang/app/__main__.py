"""``python -m mlang.app``"""

from mlang.app.main import main

main()
