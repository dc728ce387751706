"""The few public MLS structures (RFC 9420) that the Delivery Service reads or writes.

Pure: bytes in, values out. It holds no group secrets and cannot decrypt anything.
"""
