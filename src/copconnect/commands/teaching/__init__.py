"""Commands about what officers learn."""
