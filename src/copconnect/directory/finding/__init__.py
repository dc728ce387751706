"""Who is found by a text: words, how they sound, and the statements that look for them."""
