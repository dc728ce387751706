"""``copconnect doctor``: checks of everything that a server stands on, each in words."""
