"""The network: addresses, outgoing calls, request ids."""
