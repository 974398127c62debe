"""Losses and gradient penalties, and the recipe's settings for them."""
