"""The domain: what is read from a NAS, what is decided, what runs there. Never imports Pulumi."""
