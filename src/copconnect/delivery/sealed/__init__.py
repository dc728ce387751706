"""Cell key records and sealed messages as the Delivery Service sees them ("Cells" in
docs/protocol.md).

Pure: bytes in, values or :class:`~copconnect.delivery.sealed.format.SealedRefused` out. It checks
form, digests and signatures; it holds no key that opens a seal.
"""
