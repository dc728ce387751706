"""Benchmarks and the load simulator: ``copconnect bench …``.

This is the clients' side: it opens sealed messages and holds devices' keys. The server's import
graph never reaches it (import-linter, tests/layers).
"""
