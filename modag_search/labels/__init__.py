"""Labels of an index, and the files that they come from and go to."""
