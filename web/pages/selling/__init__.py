"""Pages of selling: the price list."""
