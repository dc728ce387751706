"""The log: messages in, pages out, and the deletion of old entries."""
