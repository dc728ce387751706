"""``python -m demo``: see :mod:`demo.cli`. It imports as :mod:`copconnect.__main__` does."""

import gc
from importlib import import_module

gc.disable()
cli = import_module("demo.cli")
gc.freeze()
gc.enable()
cli.main()
