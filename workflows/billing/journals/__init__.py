"""What is posted in money and when it is revenue, credit of customers, and the accounts as of a day."""
