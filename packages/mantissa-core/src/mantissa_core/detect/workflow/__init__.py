"""Work on rules: checked, tried on the past, measured, counted, brought in from others."""
