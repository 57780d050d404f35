"""What a connection is about to be used for: how its next transaction begins."""

BEGIN, WRITE, SNAPSHOT = "begin", "write", "snapshot"
"""`connection.info[BEGIN]` says what a transaction is for: WRITE or SNAPSHOT; None is autocommit."""
