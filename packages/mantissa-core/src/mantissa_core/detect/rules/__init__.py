"""Rules as they are written: reading, checking, finding and keeping them."""
