"""Files of the data bank as departments have them: read, mapped to columns, and reported on."""
