"""
Tokenizer: from chunks to a vocabulary and token shards.

REQUIRED INPUTS:
    results/genomes/chunks/{accession}.parquet
OUTPUTS:
    results/tokenizer/{tokenizer}/tokenizer.json, tokenizer_config.json, stats.json
    results/tokenizer/{tokenizer}/tokens/{accession}.npy          uint16 tokens of all chunks
    results/tokenizer/{tokenizer}/tokens/{accession}.index.npy    start, length and split of each chunk
    results/tokenizer/{tokenizer}/tokens/{accession}.json         bases in, tokens out
A model of the section pretrain that starts from a directory gives its name to the tokens of that directory's tokenizer.
"""


rule tokenizer:
    """Every tokenizer, and the corpus in the tokens of those that a model is trained with"""
    input:
        expand("results/tokenizer/{tokenizer}/tokenizer.json", tokenizer=settings.tokenizer),
        expand(
            "results/tokenizer/{tokenizer}/tokens/{accession}.json",
            tokenizer=tokenizers.encoding,
            accession=genomes.species,
        ),


rule train_tokenizer:
    """Make a tokenizer: train a vocabulary on the training chunks, or write a fixed one"""
    input:
        chunks=ancient(expand("results/genomes/chunks/{accession}.parquet", accession=genomes.species)),
        counts=expand("results/genomes/chunks/{accession}.json", accession=genomes.species),
        corpus=tokenizers.corpus_table,
    output:
        tokenizer="results/tokenizer/{tokenizer}/tokenizer.json",
        config="results/tokenizer/{tokenizer}/tokenizer_config.json",
        stats="results/tokenizer/{tokenizer}/stats.json",
    log:
        "results/logs/tokenizer/train_tokenizer/{tokenizer}.log",
    benchmark:
        "results/benchmarks/tokenizer/train_tokenizer/{tokenizer}.tsv"
    conda:
        "../envs/data.yaml"
    threads: 8
    resources:
        mem_mb=tokenizers.training_megabytes,
        runtime=growing(240),
    params:
        code=code("tokenizer/train_tokenizer.py"),
        seed=settings.seed,
        options=tokenizers.training_options,
        corpus=tokenizers.corpus_option,
        species=hooks.untracked(genomes.table),
    shell:
        """
        export RAYON_NUM_THREADS={threads:q}
        python -m workflow_scripts.tokenizer.train_tokenizer \
            --chunks results/genomes/chunks --species {params.species:q} {params.corpus:q} {params.options:q} \
            --seed {params.seed:q} --threads {threads:q} \
            --out results/tokenizer/{wildcards.tokenizer:q} \
            >{log:q} 2>&1
        """


rule encode_genome:
    """Encode the chunks of a genome"""
    input:
        chunks=ancient("results/genomes/chunks/{accession}.parquet"),
        kept="results/genomes/chunks/{accession}.json",
        tokenizer=tokenizers.file,
    output:
        tokens="results/tokenizer/{tokenizer}/tokens/{accession}.npy",
        index="results/tokenizer/{tokenizer}/tokens/{accession}.index.npy",
        counts="results/tokenizer/{tokenizer}/tokens/{accession}.json",
    log:
        "results/logs/tokenizer/encode_genome/{tokenizer}/{accession}.log",
    benchmark:
        "results/benchmarks/tokenizer/encode_genome/{tokenizer}/{accession}.tsv"
    group:
        genomes.shared_job("small_encodings")
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=genomes.encoding_minutes,
        group_slot=1,
    params:
        code=code("tokenizer/encode_genome.py"),
        content=tokenizers.foreign_content,
        options=tokenizers.encoding_options,
    shell:
        """
        export RAYON_NUM_THREADS={threads:q}
        python -m workflow_scripts.tokenizer.encode_genome \
            --chunks {input.chunks:q} --tokenizer {input.tokenizer:q} {params.options:q} --threads {threads:q} \
            --tokens {output.tokens:q} --index {output.index:q} --counts {output.counts:q} \
            >{log:q} 2>&1
        """
