"""Feature networks: from images to the vectors that metrics compare."""
