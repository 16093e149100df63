"""From rows to signals: Sigma rules, their evaluator and their matcher."""
