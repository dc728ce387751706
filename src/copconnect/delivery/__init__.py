"""The Delivery Service: conversations, their signed rosters, the ordered log and its fan-out.

It stores and forwards ciphertext; it reads MLS framing and trees (public by design), never content.
"""
