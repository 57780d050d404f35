"""Reports by month, customer and contract, the overviews, contracts running low, and previews of a change."""
