"""Rosters: who is listed, signed heads and stamps, proofs, and what changes them."""
