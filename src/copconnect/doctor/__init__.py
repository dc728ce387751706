"""``copconnect doctor``: checks of everything that a server depends on, each in words."""
