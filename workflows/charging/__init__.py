"""What work entries are charged by: terms, rounding, segments, and the coverage at the instant worked."""
