"""Trees over events: the reference evaluator, and the matcher over Arrow batches that must agree with it."""
