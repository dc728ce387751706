"""The officers' courses in administration."""
