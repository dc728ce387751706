"""Acts of moderators in administration."""
