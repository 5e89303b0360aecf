"""M in notebooks: the ``%%m`` magic of Python notebooks and a Jupyter kernel of its own.

``html.py`` draws values, ``magic.py`` is what ``%load_ext mlang`` brings, ``kernel.py`` what
``mlang kernel install`` registers.  Nothing here is imported unless a notebook asks for it.
"""
