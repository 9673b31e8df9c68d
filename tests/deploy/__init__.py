"""Tests of the files in deploy/: what can be run here is run."""
