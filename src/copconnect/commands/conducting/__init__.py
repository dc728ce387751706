"""Commands about the code of conduct and the guard."""
