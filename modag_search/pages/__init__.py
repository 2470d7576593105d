"""Pages to hand on: results as HTML that needs neither the program nor a network."""
