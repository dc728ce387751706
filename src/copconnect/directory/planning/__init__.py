"""Answers before an admin acts: the people meant, their groups afterwards, the size of a rule."""
