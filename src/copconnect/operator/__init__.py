"""Questions of an operator to the running server: health, metrics, a request as it arrives."""
