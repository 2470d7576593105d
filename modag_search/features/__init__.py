"""Features and vectors of files and items."""
