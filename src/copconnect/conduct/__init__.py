"""The code of conduct: its text in four languages and who accepted which version."""
