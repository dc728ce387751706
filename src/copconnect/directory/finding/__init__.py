"""People found by a text: their words, how words sound, and the statements that look for them."""
