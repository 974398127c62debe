"""Measures put to work on pictures: what is compared with what, what is kept between calls, and what a number means."""
