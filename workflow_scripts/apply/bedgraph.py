"""Values along a genome, for a genome browser (bedGraph)."""

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from workflow_scripts.apply.records import Place


class Pieces:
    """Places with values, [places, tracks]; those of a contig may be in any order and may overlap."""

    def __init__(self, tracks: int) -> None:
        self.tracks = tracks
        self.bounds: dict[str, array] = {}
        self.values: dict[str, array] = {}

    def add(self, place: Place, values: Sequence[float]) -> None:
        """A place with its value in each track."""
        self.bounds.setdefault(place.contig, array("q")).extend((place.start, place.end))
        self.values.setdefault(place.contig, array("d")).extend(values)

    def segments(self, track: int) -> Iterator[tuple[str, int, int, float]]:
        """Contig, start, end and value, ascending and without overlaps; where places overlap, their mean."""
        for contig, bounds in self.bounds.items():
            starts, ends = np.array(bounds).reshape(-1, 2).T
            values = np.array(self.values[contig]).reshape(-1, self.tracks)[:, track]
            points = np.unique(np.concatenate([starts, ends]))
            sums, cover = np.zeros(len(points)), np.zeros(len(points), dtype=np.int64)
            for places, sign in ((starts, 1), (ends, -1)):
                at = np.searchsorted(points, places)
                np.add.at(sums, at, sign * values)
                np.add.at(cover, at, sign)
            sums, cover = np.cumsum(sums), np.cumsum(cover)
            for number in np.flatnonzero(cover):
                yield contig, int(points[number]), int(points[number + 1]), float(sums[number] / cover[number])


def write_bedgraph(path: Path, pieces: Pieces, track: int, name: str, description: str) -> None:
    """Write one track, with a line of its name and description for the browser."""
    with path.open("w", encoding="utf-8") as handle:
        handle.write(f'track type=bedGraph name="{name}" description="{description}"\n')
        for contig, start, end, value in pieces.segments(track):
            handle.write(f"{contig}\t{start}\t{end}\t{value:.6g}\n")
