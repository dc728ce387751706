"""From a number to a certified device: codes, tickets, texts, limits."""
