"""Wake-ups to connections, in order, and what was lost on the way."""
