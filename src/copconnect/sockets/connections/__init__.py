"""Connections: taken over, let in at a bounded rate, looked after, ended."""
