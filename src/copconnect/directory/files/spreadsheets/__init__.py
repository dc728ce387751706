"""Workbooks: unpacked under limits, and parsed in a process of their own."""
