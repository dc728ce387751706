"""Wake-ups to connections, in order; messages, heads and keys whose wake-ups were lost."""
