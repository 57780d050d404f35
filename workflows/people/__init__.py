"""What is held on customers: whose rows are whose, what is personal, its export, erasure and retention."""
