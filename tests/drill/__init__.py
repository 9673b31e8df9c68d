"""Drills: the large cases of running it, each with the figures that it has to reach."""
