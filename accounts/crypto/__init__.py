"""The key ring, digests and ciphertext. Imports no Django: the settings read the ring."""
