"""What is held on a customer: which rows are theirs, which columns are personal."""
