"""The page of one stack: its timeline and its network picture, as one file without a network."""
