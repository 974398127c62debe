"""The run itself: state, steps, loop, and what surrounds them."""
