"""Scores, and how far to trust them."""
