"""Duplicates, equal in every pixel, and near-duplicates."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np

NEAR_SIDE = 32
"""Shorter side in pixels from which near-duplicates are looked for. Among 9,000 different digits of 28x28, 6,334 would
count as near-duplicates; among 6,000 ships of 32x32, 8 do."""
NEAR_BITS = 3
"""Difference hashes of near-duplicates differ in at most so many of their 64 bits."""
_BANDS = 6
"""Number of bands that a hash is split into."""
_WINDOW = 128
"""Number of neighbours compared among hashes with equal bands; bounds the work when the margins of all images agree."""
_PLAIN_BITS = 4
"""Hashes with fewer ones, or fewer zeros, belong to plain surfaces, which all look alike."""


def groups_of_equal(keys: Sequence[str]) -> list[list[int]]:
    """The positions of each key that occurs more than once; '' is no key."""
    positions = defaultdict(list)
    for position, key in enumerate(keys):
        if key:
            positions[key].append(position)
    return [found for found in positions.values() if len(found) > 1]


def groups_of_similar(hashes: Sequence[int], keys: Sequence[str]) -> list[list[int]]:
    """Groups of positions whose hash is within 3 bits of the first of the group; each position is in one at most.

    Positions with the key of an earlier one are left out: they are duplicates already. Two hashes within 3 bits share
    at least 3 of 6 bands, so sorting by each choice of 3 bands puts them side by side (Manku et al. 2007, section 3):
    some 20 sorts and no comparison of all with all. Of more than 128 hashes that share 3 bands some pairs are missed.
    """
    first = list({key: position for position, key in reversed(list(enumerate(keys))) if key}.values())[::-1]
    values = np.array([hashes[position] for position in first], np.uint64)
    ones = _count_bits(values)
    textured = (ones >= _PLAIN_BITS) & (ones <= 64 - _PLAIN_BITS)
    values, positions = values[textured], np.array(first, np.int64)[textured]
    neighbours = defaultdict(set)
    for a, b in _similar_pairs(values):
        neighbours[a].add(b)
        neighbours[b].add(a)
    groups, taken = [], set()
    for one in sorted(neighbours):
        others = sorted(other for other in neighbours[one] if other not in taken)
        if one not in taken and others:
            groups.append([int(positions[index]) for index in (one, *others)])
            taken.update((one, *others))
    return groups


def _similar_pairs(values: np.ndarray) -> set[tuple[int, int]]:
    edges = [round(64 * band / _BANDS) for band in range(_BANDS + 1)]
    bands = [((1 << (high - low)) - 1) << low for low, high in pairwise(edges)]
    pairs: set[tuple[int, int]] = set()
    for chosen in combinations(bands, _BANDS - NEAR_BITS):
        key = values & np.uint64(sum(chosen))
        order = np.argsort(key, kind="stable")
        key, sorted_values = key[order], values[order]
        for distance in range(1, min(_WINDOW, len(key) - 1) + 1):
            same = np.flatnonzero(key[distance:] == key[:-distance])
            if not len(same):
                break
            close = same[_count_bits(sorted_values[same] ^ sorted_values[same + distance]) <= NEAR_BITS]
            pairs.update((int(order[at]), int(order[at + distance])) for at in close)
    return {(min(pair), max(pair)) for pair in pairs}


def _count_bits(values: np.ndarray) -> np.ndarray:
    """Ones in each uint64."""
    return np.unpackbits(values.view(np.uint8).reshape(-1, 8), axis=1).sum(1, dtype=np.int64)
