"""Reminders of open courses: who is due, who was asked by a head, and when each was woken."""
