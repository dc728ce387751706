"""The device's side of conversation keys (docs/keys.md), for simulators, bots and tests.

The server never imports this package: it holds secrets and opens content. Bytes, records and the
rules about them come from ``copconnect.records``; this package has HPKE, AES-GCM and the checks of
a receiver. No module here stores, sends or reads a clock.
"""
