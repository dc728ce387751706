"""HTTP: callers and bodies, errors, operations, turns, the web app."""
