"""Log types of Kubernetes, as data."""
