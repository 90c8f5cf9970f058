"""The words of the simulated world, which carry the signals of the benchmark and occur in every genome.

Core promoter, splice and transcription-factor words are shortened textbook consensus sequences. The others (marks, cell
lines, lineages, species) have no real counterpart: they are random words that depend only on their name.
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

# One word per data set, similar to sites of CTCF, GATA, NF-E2, SRF and E-box, and of NRF2, ZNF384, CRE, MAFK and PAX.
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


def random_word(*name: str, length: int = 9) -> str:
    """The word of a name; it depends only on the name and has no run of three equal letters."""
    rng = generator("word", *name)
    while True:
        word = "".join("ACGT"[i] for i in rng.integers(0, 4, length))
        if len(set(word)) == 4 and not any(base * 3 in word for base in "ACGT"):
            return word


def family(*name: str, size: int, known: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The words of one topic: the known ones, and random words up to ``size``."""
    return known + tuple(random_word(*name, str(i)) for i in range(size - len(known)))


PROMOTER = family("promoter", size=8, known=(GC_BOX, CCAAT_BOX, INITIATOR, DOWNSTREAM_ELEMENT))
EXON = family("exon", size=4, known=(EXON_ENHANCER,))
INTRON = family("intron", size=4, known=(INTRON_ENHANCER,))
TF_HUMAN_WORDS = tuple(family("human factor", word, size=3, known=(word,)) for word in TF_HUMAN)
TF_MOUSE_WORDS = tuple(family("mouse factor", word, size=3, known=(word,)) for word in TF_MOUSE)
CELL_WORDS = {cell: family("cell", cell, size=4) for cell in CELL_LINES}
CONTACT_WORDS = tuple(family("contact", str(i), size=4) for i in range(4))
MARK_WORDS = {mark: family("mark", mark, size=4) for mark in MARKS}
LINEAGE_WORDS = {name: family("lineage", name, size=3) for name in LINEAGES}

# A module of a genome has words of one topic, so that related words occur together.
TOPICS = (
    PROMOTER,
    EXON,
    INTRON,
    *TF_HUMAN_WORDS,
    *TF_MOUSE_WORDS,
    *CELL_WORDS.values(),
    *CONTACT_WORDS,
    *MARK_WORDS.values(),
    *LINEAGE_WORDS.values(),
)
