"""Reminders of the officer course: who is due, who was asked by a head, and when each was woken."""
