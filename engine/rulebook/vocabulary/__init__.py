"""What rule files may use: variables, operators, actions, dates and durations."""
