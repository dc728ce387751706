"""What an operator asks the running server: its health, its metrics, a request as it arrives."""
