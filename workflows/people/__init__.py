"""What is held on customers: which rows are theirs, what of them is personal, and its export."""
