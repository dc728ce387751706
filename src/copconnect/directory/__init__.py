"""The data bank: who is in the department, in which unit, at which rank."""
