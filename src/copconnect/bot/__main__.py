"""``python -m copconnect.bot``."""

import sys

from copconnect.bot.cli import main

if __name__ == "__main__":
    sys.exit(main())
