"""Records about people and devices, and who is confirmed by them (E0 to E6). Pure."""
