"""When rules run that do not follow the lake's commits: expressions, windows, claims, and the run itself."""
