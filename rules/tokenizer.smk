"""
Tokenizer: from chunks to a vocabulary and token shards.

REQUIRED INPUTS:
    results/genomes/chunks/{accession}.parquet
OUTPUTS:
    results/tokenizer/{tokenizer}/tokenizer.json, tokenizer_config.json, stats.json
    results/tokenizer/{tokenizer}/tokens/{accession}.npy          uint16 tokens of all chunks
    results/tokenizer/{tokenizer}/tokens/{accession}.index.npy    start, length and split of each chunk
    results/tokenizer/{tokenizer}/tokens/{accession}.json         bases in, tokens out
"""


rule tokenizer:
    """Every tokenizer, and the corpus in its tokens"""
    input:
        expand(
            "results/tokenizer/{tokenizer}/tokens/{accession}.json",
            tokenizer=config["tokenizer"],
            accession=SPECIES,
        ),


rule train_tokenizer:
    """Train a vocabulary on the training chunks"""
    input:
        chunks=expand("results/genomes/chunks/{accession}.parquet", accession=SPECIES),
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
        mem_mb=16000,
        runtime=240,
    params:
        code=code("tokenizer/train.py"),
        seed=config["seed"],
        vocab_size=tokenizer_setting("vocab_size"),
        min_frequency=tokenizer_setting("min_frequency"),
        sample_bases=tokenizer_setting("sample_bases"),
    shell:
        """
        export RAYON_NUM_THREADS={threads:q}
        python -m workflow_scripts.tokenizer.train \
            --chunks {input.chunks:q} \
            --vocab-size {params.vocab_size:q} --min-frequency {params.min_frequency:q} \
            --sample-bases {params.sample_bases:q} --seed {params.seed:q} \
            --out results/tokenizer/{wildcards.tokenizer:q} \
            >{log:q} 2>&1
        """


rule encode_genome:
    """Encode the chunks of a genome"""
    input:
        chunks="results/genomes/chunks/{accession}.parquet",
        tokenizer="results/tokenizer/{tokenizer}/tokenizer.json",
    output:
        tokens="results/tokenizer/{tokenizer}/tokens/{accession}.npy",
        index="results/tokenizer/{tokenizer}/tokens/{accession}.index.npy",
        counts="results/tokenizer/{tokenizer}/tokens/{accession}.json",
    log:
        "results/logs/tokenizer/encode_genome/{tokenizer}/{accession}.log",
    benchmark:
        "results/benchmarks/tokenizer/encode_genome/{tokenizer}/{accession}.tsv"
    group:
        encoding_group
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=4000,
        runtime=encoding_minutes,
        group_slot=1,
    params:
        code=code("tokenizer/encode.py"),
    shell:
        """
        export RAYON_NUM_THREADS={threads:q}
        python -m workflow_scripts.tokenizer.encode \
            --chunks {input.chunks:q} --tokenizer {input.tokenizer:q} \
            --tokens {output.tokens:q} --index {output.index:q} --counts {output.counts:q} \
            >{log:q} 2>&1
        """
