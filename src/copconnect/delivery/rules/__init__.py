"""Rules of the Delivery Service: pure functions over plain values, one subject a file.

Imports ids, errors, wire and records; nothing that does I/O.
"""
