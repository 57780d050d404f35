"""Work entries: what of them is charged, which grants pay, and what is carried over."""
