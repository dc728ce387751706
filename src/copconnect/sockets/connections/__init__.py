"""Connections: handover, unauthenticated ones, heartbeat, tasks and framing."""
