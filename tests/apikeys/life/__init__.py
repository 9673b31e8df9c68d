"""Tests of how keys live and end: rotation, expiry, key policy, disabling."""
