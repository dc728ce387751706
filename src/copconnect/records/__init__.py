"""Signed records of conversation keys (docs/keys.md): bytes, signatures and rules. Pure.

Every module takes bytes and times and returns values or raises ``Refused``, which bears the number
of the rule. No module here reads a clock, stores, sends or opens content: there is no HPKE and no
cipher in this package, so the server may import all of it. It imports only ``copconnect.ids``,
``copconnect.errors`` and ``cryptography``. README.md lists what each module offers.
"""
