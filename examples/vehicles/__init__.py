"""Answers vehicle queries from a CSV."""
