"""Raw sockets: clients, floors and loads that cost far less than the server."""
