"""Which ids came, and which perhaps twice, in 8 bytes an id: millions need not be held."""

from __future__ import annotations

from array import array

import numpy as np


class Ids:
    """The hashes of the ids that were added, in this process.

    Two of a million million pairs of ids would share one of the 2 ** 64 hashes with a probability
    of 5e-8: what is found here is looked up again where that would matter.
    """

    def __init__(self) -> None:
        self._hashes, self._sorted = array("q"), True
        self.first: str | None = None

    def add(self, id_: str) -> None:
        """Note that ``id_`` came."""
        if self.first is None:
            self.first = id_
        self._hashes.append(hash(id_))
        self._sorted = False

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, id_: object) -> bool:
        hashes = self._ordered()
        place = np.searchsorted(hashes, hash(id_))
        return bool(place < len(hashes) and hashes[place] == hash(id_))

    def repeated(self) -> Ids:
        """The ids that came twice or more, each once (or share a hash with another)."""
        hashes, found = self._ordered(), Ids()
        found._hashes.extend(np.unique(hashes[1:][hashes[1:] == hashes[:-1]]).tolist())
        return found

    def _ordered(self) -> np.ndarray:
        hashes = np.frombuffer(self._hashes, np.int64)
        if not self._sorted:
            hashes.sort()  # in place
            self._sorted = True
        return hashes
