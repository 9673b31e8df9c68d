"""Limits: how often something may be tried, asked or sent."""
