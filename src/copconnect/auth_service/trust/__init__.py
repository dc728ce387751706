"""Signed records about people and devices: taken, judged by E0 and served (docs/keys.md)."""
