"""Recommenders that use every dimension."""

__version__ = "0.1.0"
