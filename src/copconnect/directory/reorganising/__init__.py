"""Reorganisations of the tree of units: planned, previewed, done in one transaction, undone."""
