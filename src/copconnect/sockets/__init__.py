"""Live connections of this node: the WebSocket of docs/protocol.md.

``feed`` says what they need of the Delivery Service, ``connection`` is one socket, ``fanout``
passes wake-ups to sockets, ``cursors`` is background work, and ``endpoint`` is the ASGI side. The
feed and roster wake-ups decide who belongs to a conversation, never this package.
"""
