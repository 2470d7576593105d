"""Looking over a collection: what to label next, which labels and pairs to look at again, what stands twice."""
