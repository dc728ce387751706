"""People as a viewer is shown them: cards, whose numbers, and how many names within an hour."""
