"""Naming by labels: what the labelled segments say of a query, and how likely that makes each label."""
