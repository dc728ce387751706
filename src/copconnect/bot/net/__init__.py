"""HTTP and the socket; knows structs of the wire, and nothing of keys or state."""
