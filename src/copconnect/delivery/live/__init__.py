"""What live connections ask of the Delivery Service, and what it asks of connected devices."""
