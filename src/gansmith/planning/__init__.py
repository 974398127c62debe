"""Before a run: the recipe, its cost, its length."""
