"""Conversation keys, cell keys and key shares on their way between devices."""
