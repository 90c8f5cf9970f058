"""Names that several sections and stages share; only the standard library, for scripts without pydantic."""

SPLITS = ("train", "dev", "test")
TASKS = ("emp", "promoter", "core_promoter", "tf_human", "tf_mouse", "splice", "covid", "epi", "species")
METRICS = {  # problem of a data set -> the scores by which models can be compared, the default first
    "classification": ("mcc", "f1", "accuracy"),
    "regression": ("spearman", "pearson"),
    "multilabel": ("f1", "auroc"),
}
METHODS = ("full", "lora")
BASELINES = ("kmer_regression", "cnn")
