"""Service requests: logging, changing, moving, commenting on and reading them."""
