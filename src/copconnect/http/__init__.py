"""HTTP: callers and bodies, errors, the hot routes beside the framework, turns, the web app."""
