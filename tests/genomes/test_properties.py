"""Chunks and counts of arbitrary genomes and options equal those of a simple implementation, base by base."""

import tempfile
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.genomes import chunk_genome
from workflow_scripts.genomes.accounting import DROPPED
from workflow_scripts.genomes.chunk_genome import Cut, cut_genome

RUNS = st.tuples(st.sampled_from(["A", "c", "gT", "ACGT", "acg", "N", "n", "R", "nnNN", "yK", "U"]), st.integers(1, 12))
SEQUENCES = st.lists(RUNS, max_size=12).map(lambda runs: "".join(text * times for text, times in runs))
DESCRIPTIONS = st.sampled_from(["", "chromosome 1", "mitochondrion, complete genome", "plasmid pX, complete sequence"])
GENOMES = st.lists(st.tuples(DESCRIPTIONS, SEQUENCES), min_size=1, max_size=4).filter(
    lambda contigs: any(sequence for _, sequence in contigs)
)


@st.composite
def cuts(draw) -> Cut:
    length = draw(st.integers(1, 9))
    return Cut(
        length=length,
        min_contig=draw(st.integers(0, 30)),
        seed=draw(st.integers(0, 3)),
        validation_fraction=draw(st.sampled_from([0.0, 0.3, 0.6, 1.0])),
        validation_block=draw(st.integers(1, 4)),
        overlap=draw(st.integers(0, length - 1)),
        max_soft_masked=draw(st.sampled_from([0.0, 0.25, 0.5, 1.0])),
        exclude=draw(st.sampled_from([(), ("organelle",), ("plasmid",), ("organelle", "plasmid")])),
        duplicates=draw(st.sampled_from(["keep", "exact", "reverse_complement"])),
    )


def write_fasta(path: Path, contigs: list[tuple[str, str]], width: int) -> Path:
    lines = []
    for number, (description, sequence) in enumerate(contigs):
        lines += [f">contig{number} {description}"]
        lines += [sequence[first : first + width] for first in range(0, len(sequence), width)]
    path.write_text("\n".join(lines) + "\n")
    return path


def covered(windows: list[tuple], length: int) -> set[tuple[str, int]]:
    return {(contig, place) for contig, start, *_ in windows for place in range(start, start + length)}


def simple_chunks(contigs: list[tuple[str, str]], cut: Cut) -> tuple[list[tuple], dict[str, int]]:
    """The kept windows (contig, start, letters, side) and the counts."""
    counts = Counter(dict.fromkeys(DROPPED, 0), contigs=len(contigs), renamed_contigs=0)
    windows, in_runs = [], 0
    for number, (description, written) in enumerate(contigs):
        sequence = written.replace("U", "T").replace("u", "t")
        contig, size = f"contig{number}", len(sequence)
        kinds = [kind for kind, word in (("organelle", "mitoch"), ("plasmid", "plasmid")) if word in description]
        counts["bases"] += size
        if size < cut.min_contig:
            counts["dropped_short_contig"] += size
        elif kinds and kinds[0] in cut.exclude:
            counts[f"dropped_{kinds[0]}"] += size
        else:
            begin = 0
            for place, letter in enumerate(sequence.upper(), start=1):
                if letter in "ACGT":
                    in_runs += 1
                    if place - begin >= cut.length and (place - begin - cut.length) % (cut.length - cut.overlap) == 0:
                        windows.append((contig, place - cut.length, sequence[place - cut.length : place]))
                else:
                    begin = place
                    counts["dropped_N" if letter == "N" else "dropped_other"] += 1
    counts["dropped_tail"] = in_runs - len(covered(windows, cut.length))

    def held_out(contig: str, start: int) -> bool:
        block = start // ((cut.length - cut.overlap) * cut.validation_block)
        return stable_hash(cut.seed, "G", contig, block) / 2**64 < cut.validation_fraction

    light = [w for w in windows if sum(map(str.islower, w[2])) / cut.length <= cut.max_soft_masked]
    validation = covered([w for w in light if held_out(*w[:2])], cut.length)
    kept = [w for w in light if held_out(*w[:2]) or not covered([w], cut.length) & validation]
    counts["dropped_repeat"] = len(covered(windows, cut.length)) - len(covered(light, cut.length))
    counts["dropped_border"] = len(covered(light, cut.length)) - len(covered(kept, cut.length))
    counts["kept_bases"] = len(covered(kept, cut.length))
    counts["chunks"] = len(kept)
    counts["validation_chunks"] = sum(held_out(*w[:2]) for w in kept)
    counts["train_chunks"] = len(kept) - counts["validation_chunks"]
    counts["soft_masked"] = sum(letter.islower() for w in kept for letter in w[2])
    return [(*w, "validation" if held_out(*w[:2]) else "train") for w in kept], dict(counts)


@pytest.mark.slow
@settings(max_examples=200)
@given(contigs=GENOMES, cut=cuts(), width=st.integers(1, 20), row_group=st.sampled_from([8, 40, 1 << 24]))
def test_chunks_and_counts_equal_those_of_a_simple_implementation(contigs, cut, width, row_group):
    with tempfile.TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunk_genome, "ROW_GROUP_BASES", row_group)
        fasta = write_fasta(Path(scratch) / "g.fa", contigs, width)
        counts = cut_genome(fasta, "G", cut, Path(scratch) / "g.parquet")
        rows = pq.read_table(Path(scratch) / "g.parquet").to_pylist()
    expected, expected_counts = simple_chunks(contigs, cut)
    found = [(row["contig"], row["start"], row["sequence"], row["split"]) for row in rows]
    assert found == [(contig, start, letters.upper(), side) for contig, start, letters, side in expected]
    assert all(row["end"] - row["start"] == cut.length for row in rows)
    lower = [sum(map(str.islower, letters)) for _, _, letters, _ in expected]
    assert [row["soft_masked"] for row in rows] == pytest.approx([count / cut.length for count in lower])
    assert counts == {"accession": "G", **expected_counts}

    assert counts["bases"] == counts["kept_bases"] + sum(counts[reason] for reason in DROPPED)
    assert all(set(row["sequence"]) <= set("ACGT") for row in rows)
    places = {side: covered([row for row in found if row[3] == side], cut.length) for side in ("train", "validation")}
    assert places["train"].isdisjoint(places["validation"])
