"""Feature networks: images to the vectors that metrics compare."""
