"""Answers that go somewhere: which files are listed, and copies of them, or links to them, in a folder."""
