"""Administration: who may do what over which units, signed acts, what the console shows."""
