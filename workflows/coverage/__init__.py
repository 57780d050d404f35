"""Coverage: which contract covers a service request. Candidates, search, decisions and explanations."""
