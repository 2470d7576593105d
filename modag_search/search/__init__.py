"""Finding: snapshots of an index, what is asked, and which items answer."""
