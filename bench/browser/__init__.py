"""A Chromium as slow as a phone."""
