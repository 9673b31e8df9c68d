"""Tests of chatflows."""
