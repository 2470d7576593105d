"""Fitting a space, and the sound encoder that ships, to examples."""
