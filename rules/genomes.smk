"""
Genomes: from the species table to filtered chunks with provenance.

REQUIRED INPUTS:
    config/species_850.tsv or the table of genomes.species
OUTPUTS:
    results/genomes/fasta/{accession}.fna.gz       verified against the md5 of its source (kept if genomes.keep_fasta)
    results/genomes/chunks/{accession}.parquet     contig, start, end, sequence, soft_masked, split
    results/genomes/chunks/{accession}.json        bases in, kept and dropped by reason
    results/genomes/corpus.tsv                     one row a genome
"""


rule genomes:
    """All genomes, chunked and accounted for"""
    input:
        "results/genomes/corpus.tsv",


rule download_genome:
    """Download a genome and verify it against the md5 of its source"""
    input:
        code=ancient(code("genomes/download.py")),
        local=local_assembly,
    output:
        fasta=intermediate("results/genomes/fasta/{accession}.fna.gz"),
        record="results/genomes/fasta/{accession}.json",
    log:
        "results/logs/genomes/download_genome/{accession}.log",
    benchmark:
        "results/benchmarks/genomes/download_genome/{accession}.tsv"
    conda:
        "../envs/download.yaml"
    resources:
        mem_mb=1000,
        runtime=240,
        downloads=1,
    params:
        url=assembly_url,
        mirror=config["genomes"]["mirror"],
    shell:
        """
        python -m workflow_scripts.genomes.download \
            --accession {wildcards.accession:q} --url {params.url:q} --mirror {params.mirror:q} \
            --fasta {output.fasta:q} --out {output.record:q} \
            >{log:q} 2>&1
        """


rule chunk_genome:
    """Split a genome at everything that is not A, C, G or T, and cut it into chunks"""
    input:
        code=code("genomes/chunk.py"),
        fasta="results/genomes/fasta/{accession}.fna.gz",
    output:
        chunks="results/genomes/chunks/{accession}.parquet",
        counts="results/genomes/chunks/{accession}.json",
    log:
        "results/logs/genomes/chunk_genome/{accession}.log",
    benchmark:
        "results/benchmarks/genomes/chunk_genome/{accession}.tsv"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        seed=config["seed"],
        length=config["genomes"]["chunk"]["length"],
        min_contig=config["genomes"]["chunk"]["min_contig"],
        fraction=config["genomes"]["validation"]["fraction"],
        block=config["genomes"]["validation"]["block"],
    shell:
        """
        python -m workflow_scripts.genomes.chunk \
            --fasta {input.fasta:q} --accession {wildcards.accession:q} \
            --length {params.length:q} --min-contig {params.min_contig:q} \
            --seed {params.seed:q} \
            --validation-fraction {params.fraction:q} --validation-block {params.block:q} \
            --chunks {output.chunks:q} --counts {output.counts:q} \
            >{log:q} 2>&1
        """


rule summarize_corpus:
    """Account for every base of every genome"""
    input:
        code=code("genomes/corpus.py"),
        species=config["genomes"]["species"],
        records=expand("results/genomes/fasta/{accession}.json", accession=SPECIES),
        counts=expand("results/genomes/chunks/{accession}.json", accession=SPECIES),
    output:
        table="results/genomes/corpus.tsv",
    log:
        "results/logs/genomes/summarize_corpus.log",
    benchmark:
        "results/benchmarks/genomes/summarize_corpus.tsv"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    shell:
        """
        python -m workflow_scripts.genomes.corpus \
            --species {input.species:q} --records {input.records:q} --counts {input.counts:q} \
            --out {output.table:q} \
            >{log:q} 2>&1
        """
