"""Commands about one person: what the server keeps of them."""
