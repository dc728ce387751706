"""What the ``copconnect`` command does, one module for each group of commands."""
