"""Numbers that say how good pictures are: feature networks, and pure functions of features."""
