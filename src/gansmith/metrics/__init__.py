"""Numbers that say how good images are: feature networks, and pure functions of features."""
