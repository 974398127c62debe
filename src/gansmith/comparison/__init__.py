"""`gansmith.evaluate` and `gansmith.compare`: runs against real images and against each other."""
