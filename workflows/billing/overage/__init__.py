"""Time to be billed: found, gathered into drafts by month, credited, and reported where it is missing."""
