"""The management API: what its operations share, and those about people and service accounts."""
