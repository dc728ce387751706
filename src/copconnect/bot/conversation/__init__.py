"""One conversation: its signed roster, its keys, and what the bot has taken of its log."""
