"""The Authentication Service: registration, device certificates, access tokens, revocation."""
