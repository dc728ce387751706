"""Benchmarks and load simulators: measures this program on this machine. Nothing of the product imports it."""
