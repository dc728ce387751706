"""Backups: one archive with the database, the keys and the attachments of a folder.

The database is copied first: a blob is written before the row that names it, so every attachment of
the copy has its blobs in the archive. The archive's last member is a manifest with the size and
the SHA-256 of every other one. A backup reads the whole archive again before it gets its name, and
a restore before it changes anything.

Commands alone import this; it knows settings, the database and the blob store, and starts no role.
"""
