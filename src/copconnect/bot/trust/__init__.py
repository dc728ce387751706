"""The bot's trust: the pinned department, its people, its time, and the bot's own keys."""
