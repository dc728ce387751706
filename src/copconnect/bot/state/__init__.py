"""The bot's state: one SQLite file whose rows are encrypted."""
