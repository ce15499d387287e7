"""Studies of several fits: comparison, tuning, their tables and pictures."""
