"""An operator's questions to the running server: its health, its metrics, a request as it arrives."""
