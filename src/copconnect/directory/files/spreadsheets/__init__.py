"""Workbooks: unpacked under limits, and parsed in their own process."""
