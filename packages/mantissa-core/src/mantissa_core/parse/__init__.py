"""From delivery files to rows: decoders, log types, lossless flattening."""
