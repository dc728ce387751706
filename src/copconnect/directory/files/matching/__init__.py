"""Which column is which, and which code a value means: by words that departments use."""
