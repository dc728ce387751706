"""Requests of live connections to the Delivery Service, and its requests to connected devices."""
