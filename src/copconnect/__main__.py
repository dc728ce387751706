"""``python -m copconnect``.

Importing makes hundreds of thousands of objects and next to no garbage: to look for cycles in them
meanwhile takes a seventh of a start, which several workers on a busy machine have to share.
"""

import gc
from importlib import import_module

gc.disable()
cli = import_module("copconnect.cli")
gc.freeze()
gc.enable()
cli.main()
