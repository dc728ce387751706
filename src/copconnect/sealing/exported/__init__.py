"""An exported conversation, a file that anybody verifies by the department's root (docs/export.md).

``python -m copconnect.sealing.exported`` is a separate process, because nothing of the server
imports code that can open content.
"""
