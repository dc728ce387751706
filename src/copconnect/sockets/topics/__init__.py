"""Which connections of this node belong to which conversation."""
