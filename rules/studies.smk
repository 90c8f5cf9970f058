"""
Studies: the reasons for choices of the paper, measured on the corpus of this run.

REQUIRED INPUTS:
    results/genomes/chunks/{accession}.parquet, results/genomes/corpus.tsv
    results/tokenizer/{tokenizer}/tokenizer.json, stats.json
OUTPUTS:
    results/studies/tokenization.json    every measurement, per tokenizer and vocabulary size
    results/studies/tokenization.tsv     one row per tokenizer and vocabulary size

The sizes of BPE go from 2^8 up to the largest BPE vocabulary of the configuration, which is trained once and cut; the
paper's sweep needs one of 2^15 = 32,768 entries.
"""


rule studies:
    """Every study"""
    input:
        "results/studies/tokenization.json",


rule study_tokenization:
    """Compare the tokenizers on validation chunks"""
    input:
        tokenizers=expand("results/tokenizer/{tokenizer}/tokenizer.json", tokenizer=settings.tokenizer),
        stats=expand("results/tokenizer/{tokenizer}/stats.json", tokenizer=settings.tokenizer),
        chunks=expand("results/genomes/chunks/{accession}.parquet", accession=genomes.species),
        corpus="results/genomes/corpus.tsv",
    output:
        results="results/studies/tokenization.json",
        table="results/studies/tokenization.tsv",
    log:
        "results/logs/studies/study_tokenization.log",
    benchmark:
        "results/benchmarks/studies/study_tokenization.tsv"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        code=code("studies/study_tokenization.py"),
        seed=settings.seed,
        species=hooks.untracked(genomes.table),
        folders=expand("results/tokenizer/{tokenizer}", tokenizer=settings.tokenizer),
    shell:
        """
        export RAYON_NUM_THREADS={threads:q}
        python -m workflow_scripts.studies.study_tokenization \
            --tokenizers {params.folders:q} --chunks results/genomes/chunks --species {params.species:q} \
            --corpus {input.corpus:q} \
            --seed {params.seed:q} --out {output.results:q} --table {output.table:q} \
            >{log:q} 2>&1
        """
