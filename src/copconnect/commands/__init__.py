"""The ``copconnect`` command, one module for each group of commands."""
