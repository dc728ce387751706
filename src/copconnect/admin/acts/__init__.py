"""Signed acts: their kinds, previews of them, waiting acts, and how they are done."""
