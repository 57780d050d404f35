"""From bytes to a checked syntax tree: decoding, scanning with positions, typed reading, problems."""
