"""Signed acts: their kinds, previews of them, those that wait, and how they are done."""
