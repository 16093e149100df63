"""Personal data and credentials are taken out of what leaves: detectors by kind, a policy for each destination."""
