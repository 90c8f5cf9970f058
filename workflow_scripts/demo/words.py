"""The vocabulary of the simulated world: the words that carry the benchmark's signals and recur in every genome.

Core promoter, splice and transcription-factor words follow textbook consensus sequences, shortened. The others (marks,
cell lines, lineages, species) have no real counterpart: they are spelled from their name, so they never change.
"""

from workflow_scripts.common.randomness import generator

TATA_BOX = "TATAAAAG"
INITIATOR = "CTCAGTCT"  # its A, at index 3, is the transcription start
GC_BOX = "GGGGCGGGG"
CCAAT_BOX = "AGCCAATCAG"
DOWNSTREAM_ELEMENT = "AGACGTGC"
EXON_ENHANCER = "GAAGAAGA"
INTRON_ENHANCER = "TGGGTGGG"
BRANCH_POINT = "TACTAAC"

# One word a data set, in the manner of CTCF, GATA, NF-E2, SRF and E-box sites; then of NRF2, ZNF384, CRE, MAFK and PAX.
TF_HUMAN = ("CCAGCAGGGGGC", "CAGATAAGGA", "TGCTGAGTCAT", "CCATATTAGGC", "GACCACGTGGT")
TF_MOUSE = ("ATGACTCAGCA", "GGCAAAAAACG", "GGTGACGTCAT", "AATTGCTGACG", "GTCACGCATGA")

CELL_LINES = ("GM12878", "HUVEC", "HeLa-S3", "IMR90", "K562", "NHEK")
MARKS = ("H3", "H3K14ac", "H3K36me3", "H3K4me1", "H3K4me2", "H3K4me3", "H3K79me3", "H3K9ac", "H4", "H4ac")
LINEAGES = {
    "Alpha": "B.1.1.7",
    "Beta": "B.1.351",
    "Delta": "B.1.617.2",
    "Eta": "B.1.525",
    "Gamma": "P.1",
    "Iota": "B.1.526",
    "Kappa": "B.1.617.1",
    "Lambda": "C.37",
    "Zeta": "P.2",
}


def spelled(*name: str, length: int = 9) -> str:
    """The word of a name: always the same, never a run of one letter."""
    rng = generator("word", *name)
    while True:
        word = "".join("ACGT"[i] for i in rng.integers(0, 4, length))
        if len(set(word)) == 4 and not any(base * 3 in word for base in "ACGT"):
            return word


CELL_WORDS = {cell: spelled("cell", cell) for cell in CELL_LINES}
CONTACT_WORDS = tuple(spelled("contact", str(i)) for i in range(4))
MARK_WORDS = {mark: (spelled("mark", mark, "a"), spelled("mark", mark, "b")) for mark in MARKS}
LINEAGE_WORDS = {name: spelled("lineage", name) for name in LINEAGES}

ALL_WORDS = (
    TATA_BOX,
    INITIATOR,
    GC_BOX,
    CCAAT_BOX,
    DOWNSTREAM_ELEMENT,
    EXON_ENHANCER,
    INTRON_ENHANCER,
    BRANCH_POINT,
    *TF_HUMAN,
    *TF_MOUSE,
    *CELL_WORDS.values(),
    *CONTACT_WORDS,
    *(word for pair in MARK_WORDS.values() for word in pair),
    *LINEAGE_WORDS.values(),
)
