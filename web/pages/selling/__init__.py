"""Pages of selling: the price list, quotes, and what customers can order."""
