"""Measures put to work on images: what is compared with what, what is kept between calls, and what a number means."""
