"""Thousands of simulated devices that receive, check and open messages."""
