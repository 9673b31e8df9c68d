"""Upgrades: the version of the code, the packages that it needs, the database that it fits."""
