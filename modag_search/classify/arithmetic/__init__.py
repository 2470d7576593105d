"""The arithmetic of naming: numpy alone, without an index."""
