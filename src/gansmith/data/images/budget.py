"""How many pixels a set may hold in few bytes: plans and pixel art do, and so do bombs."""

RATIO = 100
"""Decoded bytes for each byte of a file that cost nothing; photographs reach about 30."""
BASE = 4 << 30
"""Decoded bytes beyond that ratio that any set may hold."""
FOR_EACH = 64 << 20
"""Decoded bytes that each file adds: as many as an image of 4,730 x 4,730 has in RGB."""
MOST = 1 << 40
"""Decoded bytes beyond the ratio that the largest set may hold: about an hour of one core."""
OVER_BUDGET = f"too many pixels for so few bytes, in a set that holds over {FOR_EACH >> 20} MiB of them for each file"


def excess_of(decoded: int, num_bytes: int) -> int:
    """Decoded bytes beyond the ratio."""
    return max(0, decoded - RATIO * num_bytes)


class Budget:
    """What is left of the decoded bytes that a set of so many files may hold beyond the ratio."""

    def __init__(self, num_files: int, spent: int = 0):
        self.left = max(0, min(BASE + FOR_EACH * num_files, MOST) - spent)

    def spend(self, excess: int) -> bool:
        """Whether so much is left; if so, it is spent."""
        if excess > self.left:
            return False
        self.left -= excess
        return True
