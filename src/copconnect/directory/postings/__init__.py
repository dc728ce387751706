"""Places that people hold beside or before the one of their row: charges and history."""
