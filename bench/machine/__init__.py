"""Servers, databases and child processes on this machine."""
