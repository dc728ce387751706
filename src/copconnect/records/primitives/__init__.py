"""Exact parsing, signatures, hashes, trees, KEMs: what every record is made of. Pure."""
