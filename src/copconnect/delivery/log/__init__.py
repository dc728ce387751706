"""The log: messages in, pages out, and what is forgotten."""
