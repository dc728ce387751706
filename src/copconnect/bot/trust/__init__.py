"""Whom the bot trusts: the pinned department, its people, its time, and the bot's own keys."""
