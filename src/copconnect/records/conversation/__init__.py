"""Records of conversations: rosters, keys, seals, shares, messages. Pure."""
