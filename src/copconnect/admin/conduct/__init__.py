"""The console of the code of conduct and of the guard: its acts and what it reads."""
