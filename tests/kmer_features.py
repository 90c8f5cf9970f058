"""The features of the k-mer regression, by scikit-learn."""

from itertools import product

from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

from workflow_scripts.inference.baselines import K


def kmer_features(texts: list[str]) -> sparse.csr_array:
    """Square roots of the counts of each k-mer [texts, 4^K]."""
    words = ["".join(letters) for letters in product("ACGT", repeat=K)]
    counter = CountVectorizer(analyzer="char", ngram_range=(K, K), lowercase=False, vocabulary=words)
    return counter.transform(texts).sqrt()
