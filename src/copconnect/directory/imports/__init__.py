"""Imports: previewed row by row, stored in one transaction, kept so that they can be undone."""
