"""Engines, against upstreams that behave and upstreams that don't."""
