"""One file = one pair of networks. The file's name, with hyphens, is the name a recipe gives."""
