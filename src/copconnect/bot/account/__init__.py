"""The bot's own account: registration, certificate, confirmation, and its end."""
