"""
Genomes: from the species table to filtered chunks with provenance.

REQUIRED INPUTS:
    the table of genomes.corpus, or the lock beside it, which lock_species writes
OUTPUTS:
    results/genomes/fasta/{accession}.fna.gz       verified against the md5 of its source (kept if genomes.keep_fasta)
    results/genomes/fasta/{accession}.json         address, size and checksums of what came
    results/genomes/chunks/{accession}.parquet     contig, start, end, sequence, soft_masked, split
    results/genomes/chunks/{accession}.json        bases in, kept and dropped by reason
    results/genomes/corpus.tsv                     one row a genome
    results/genomes/windows/                       where duplicates are removed or caps are set: what is chosen from
"""


rule genomes:
    """All genomes, chunked and accounted for"""
    input:
        "results/genomes/corpus.tsv",


# It has no output, so that it runs whenever it is asked for and never otherwise: nothing depends on NCBI's mood.
rule lock_species:
    """Write the lock: what NCBI holds today of each species of the table"""
    input:
        species=config["genomes"]["corpus"],
    log:
        "results/logs/genomes/lock_species.log",
    conda:
        "../envs/download.yaml"
    resources:
        downloads=4,
    params:
        mirror=config["genomes"]["mirror"],
        lock=lock_of(config["genomes"]["corpus"]),
    shell:
        """
        python -m workflow_scripts.genomes.lock_species \
            --species {input.species:q} --mirror {params.mirror:q} --out {params.lock:q} \
            --downloads {resources.downloads:q} \
            2>&1 | tee {log:q}
        """


# The md5 of the table or lock is read by the script and is no param, so that a lock written later downloads nothing again.
rule download_genome:
    """Download a genome and verify it against the md5 of its source"""
    input:
        local=local_assembly,
    output:
        fasta=intermediate("results/genomes/fasta/{accession}.fna.gz"),
        record="results/genomes/fasta/{accession}.json",
    log:
        "results/logs/genomes/download_genome/{accession}.log",
    benchmark:
        "results/benchmarks/genomes/download_genome/{accession}.tsv"
    group:
        shared_job("small_genomes", "large_genome")
    conda:
        "../envs/download.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=download_minutes,
        downloads=1,
        group_slot=1,
    params:
        local_bytes=local_bytes,
        url=assembly_url,
        mirror=config["genomes"]["mirror"],
    shell:
        """
        python -m workflow_scripts.genomes.download_genome \
            --accession {wildcards.accession:q} {params.url:q} --mirror {params.mirror:q} \
            --md5-from "$SPECIES_TABLE" \
            --fasta {output.fasta:q} --out {output.record:q} \
            >{log:q} 2>&1
        """


rule chunk_genome:
    """Split a genome at everything that is not A, C, G or T, and cut it into chunks"""
    input:
        fasta="results/genomes/fasta/{accession}.fna.gz",
    output:
        chunks=f"{FIRST_CUT}/{{accession}}.parquet",
        counts=f"{FIRST_CUT}/{{accession}}.json",
    log:
        "results/logs/genomes/chunk_genome/{accession}.log",
    benchmark:
        "results/benchmarks/genomes/chunk_genome/{accession}.tsv"
    # Before the next download: so a FASTA file is soon gone, and the disk holds those at work and not all.
    priority: 1
    group:
        shared_job("small_genomes", "large_genome")
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=chunk_megabytes,
        runtime=chunk_minutes,
        group_slot=1,
    params:
        code=code("genomes/chunk_genome.py"),
        seed=config["seed"],
        length=config["genomes"]["chunk"]["length"],
        overlap=config["genomes"]["chunk"]["overlap"],
        min_contig=config["genomes"]["chunk"]["min_contig"],
        max_soft_masked=config["genomes"]["chunk"]["max_soft_masked"],
        exclude=option("--exclude", *config["genomes"]["exclude"]),
        duplicates=config["genomes"]["duplicates"],
        fraction=held_out_share,
        block=config["genomes"]["validation"]["block"],
    shell:
        """
        python -m workflow_scripts.genomes.chunk_genome \
            --fasta {input.fasta:q} --accession {wildcards.accession:q} \
            --length {params.length:q} --overlap {params.overlap:q} \
            --min-contig {params.min_contig:q} --max-soft-masked {params.max_soft_masked:q} \
            {params.exclude:q} --duplicates {params.duplicates:q} \
            --seed {params.seed:q} \
            --validation-fraction {params.fraction:q} --validation-block {params.block:q} \
            --chunks {output.chunks:q} --counts {output.counts:q} \
            >{log:q} 2>&1
        """


if CHOSEN:

    rule select_chunks:
        """Choose among the chunks of all genomes: one of each duplicate, and no more than the caps allow"""
        input:
            windows=expand("results/genomes/windows/{accession}.parquet", accession=SPECIES),
            counts=expand("results/genomes/windows/{accession}.json", accession=SPECIES),
        output:
            choices=expand("results/genomes/windows/{accession}.npy", accession=SPECIES),
        log:
            "results/logs/genomes/select_chunks.log",
        benchmark:
            "results/benchmarks/genomes/select_chunks.tsv"
        conda:
            "../envs/data.yaml"
        resources:
            mem_mb=growing(10000),
            runtime=growing(60),
        params:
            code=code("genomes/select_chunks.py"),
            genomes=genomes_in_order(),
            seed=config["seed"],
            genome_cap=option("--max-genome-bases", config["genomes"]["max_genome_bases"] or None),
            group_caps=option("--max-group-bases", *group_caps()),
        shell:
            """
            python -m workflow_scripts.genomes.select_chunks \
                --species "$SPECIES_TABLE" --windows results/genomes/windows \
                {params.genome_cap:q} {params.group_caps:q} --seed {params.seed:q} \
                --out results/genomes/windows \
                >{log:q} 2>&1
            """

    rule keep_chunks:
        """Keep the chosen chunks of a genome"""
        input:
            windows="results/genomes/windows/{accession}.parquet",
            choice="results/genomes/windows/{accession}.npy",
            counts="results/genomes/windows/{accession}.json",
        output:
            chunks="results/genomes/chunks/{accession}.parquet",
            counts="results/genomes/chunks/{accession}.json",
        log:
            "results/logs/genomes/keep_chunks/{accession}.log",
        benchmark:
            "results/benchmarks/genomes/keep_chunks/{accession}.tsv"
        group:
            shared_job("small_choices")
        conda:
            "../envs/data.yaml"
        resources:
            mem_mb=growing(2000),
            runtime=chunk_minutes,
            group_slot=1,
        params:
            code=code("genomes/keep_chunks.py"),
        shell:
            """
            python -m workflow_scripts.genomes.keep_chunks \
                --windows {input.windows:q} --choice {input.choice:q} --counts {input.counts:q} \
                --chunks {output.chunks:q} --new-counts {output.counts:q} \
                >{log:q} 2>&1
            """


rule summarize_corpus:
    """Account for every base of every genome"""
    input:
        species=SPECIES_TABLE,
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
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=code("genomes/summarize_corpus.py"),
    shell:
        """
        python -m workflow_scripts.genomes.summarize_corpus \
            --species {input.species:q} \
            --records results/genomes/fasta --chunks results/genomes/chunks \
            --out {output.table:q} \
            >{log:q} 2>&1
        """
