"""What a rule means, as a tree: compiled from Sigma, and what follows from it."""
