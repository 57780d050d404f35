"""Work entries: what of them is charged, which grants pay, what is carried over."""
