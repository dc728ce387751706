"""Live connections of this node: the WebSocket of docs/protocol.md.

``feed`` says what they need of the Delivery Service, ``connections/connection`` is one socket,
``dispatch/fanout`` takes wake-ups and ``dispatch/topic`` is one conversation: read that one first.
``cursors`` is background work, and ``endpoint`` is the ASGI side. The feed and roster wake-ups
decide who belongs to a conversation, never this package.
"""
