"""How good pictures are, as pure functions of their features: every number with an interval."""
