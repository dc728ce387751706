"""Which devices are confirmed (E0), by whom, and by which records."""
