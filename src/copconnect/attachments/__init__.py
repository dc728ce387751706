"""Attachments: encrypted chunks in a blob store, their quota, and who may fetch them."""
