"""Live connections of this node: the WebSocket of docs/protocol.md.

``feed`` says what they need of the Delivery Service, ``connection`` is one socket, ``fanout``
passes wake-ups to sockets, ``cursors`` is background work, and ``endpoint`` is the ASGI side.
Nothing here decides who belongs to a conversation: that comes from the feed and from roster
wake-ups.
"""
