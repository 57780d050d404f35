"""From bytes to a checked syntax tree: decoding, scanning with places, typed reading, problems."""
