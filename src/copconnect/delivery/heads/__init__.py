"""What a process keeps of roster heads in memory: stamps that it signed, trees that it hashed."""
