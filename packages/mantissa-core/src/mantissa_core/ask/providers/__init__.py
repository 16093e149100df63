"""Language models over HTTP, without a library of the vendor's: their wire formats, streams and errors."""
