"""A force of N people with devices, made in bulk and cached on disk."""
