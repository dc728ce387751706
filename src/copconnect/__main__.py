"""``python -m copconnect``."""

from copconnect.cli import main

main()
