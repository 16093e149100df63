"""Times in questions: from words such as "since Monday" to a span of UTC."""
