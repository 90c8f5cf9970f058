"""
Genomes: from the species table to filtered chunks with provenance.

REQUIRED INPUTS:
    the table of genomes.corpus, or its lock in the same folder, which lock_species writes
OUTPUTS:
    results/genomes/fasta/{accession}.fna.gz       verified against the md5 of its source (kept if genomes.keep_fasta)
    results/genomes/fasta/{accession}.json         address, size and checksums of what came
    results/genomes/chunks/{accession}.parquet     contig, start, end, sequence, soft_masked, split
    results/genomes/chunks/{accession}.json        bases in, kept and dropped by reason
    results/genomes/corpus.tsv                     one row a genome
    results/genomes/windows/                       the chunks to choose from, if duplicates are removed or caps are set
"""

# What is marked as temporary is removed once it is used.
fasta_flag = str if settings.genomes.keep_fasta else temp


rule genomes:
    """All genomes, chunked and accounted for"""
    input:
        "results/genomes/corpus.tsv",


# No output, so it runs only on request; no result depends on NCBI's current state.
rule lock_species:
    """Write the lock: what NCBI holds today of each species of the table"""
    input:
        species=settings.genomes.corpus,
    log:
        "results/logs/genomes/lock_species.log",
    conda:
        "../envs/download.yaml"
    resources:
        downloads=4,
    params:
        mirror=settings.genomes.mirror,
        lock=genomes.lock,
    shell:
        """
        python -m workflow_scripts.genomes.lock_species \
            --species {input.species:q} --mirror {params.mirror:q} --out {params.lock:q} \
            --downloads {resources.downloads:q} \
            2>&1 | tee {log:q}
        """


# The program reads md5 sums from the species table, which is untracked: a lock that is written later downloads nothing
# again.
rule download_genome:
    """Download a genome and verify it against the md5 of its source"""
    input:
        made=genomes.made_files,
        # Their digests are a param, as of all files of a user: content decides what runs again, no clock.
        local=ancient(genomes.local_files),
    output:
        fasta=fasta_flag("results/genomes/fasta/{accession}.fna.gz"),
        record="results/genomes/fasta/{accession}.json",
    log:
        "results/logs/genomes/download_genome/{accession}.log",
    benchmark:
        "results/benchmarks/genomes/download_genome/{accession}.tsv"
    group:
        genomes.shared_job("small_genomes", "large_genome")
    conda:
        "../envs/download.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=genomes.download_minutes,
        downloads=1,
        group_slot=1,
    params:
        source=genomes.source,
        url=hooks.untracked(genomes.url_option),
        mirror=hooks.untracked(settings.genomes.mirror),
        species=hooks.untracked(genomes.table),
    shell:
        """
        python -m workflow_scripts.genomes.download_genome \
            --accession {wildcards.accession:q} {params.url:q} --mirror {params.mirror:q} \
            --md5-from {params.species:q} \
            --fasta {output.fasta:q} --out {output.record:q} \
            >{log:q} 2>&1
        """


rule chunk_genome:
    """Split a genome at everything that is not A, C, G or T, and cut it into chunks"""
    input:
        # The record has the digest of the FASTA: the same bytes, fetched again, are not cut again. So it is with all
        # large files between the rules: they are ancient, and a small file beside them decides.
        fasta=ancient("results/genomes/fasta/{accession}.fna.gz"),
        record="results/genomes/fasta/{accession}.json",
    output:
        chunks=f"{genomes.first_cut}/{{accession}}.parquet",
        counts=f"{genomes.first_cut}/{{accession}}.json",
    log:
        "results/logs/genomes/chunk_genome/{accession}.log",
    benchmark:
        "results/benchmarks/genomes/chunk_genome/{accession}.tsv"
    # Before the next download: FASTA files are removed soon, and the disk holds few of them at a time.
    priority: 1
    group:
        genomes.shared_job("small_genomes", "large_genome")
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=genomes.chunk_megabytes,
        runtime=genomes.chunk_minutes,
        group_slot=1,
    params:
        code=code("genomes/chunk_genome.py"),
        seed=settings.seed,
        length=settings.genomes.chunk.length,
        overlap=settings.genomes.chunk.overlap,
        min_contig=settings.genomes.chunk.min_contig,
        max_soft_masked=settings.genomes.chunk.max_soft_masked,
        exclude=genomes.exclude_option(),
        duplicates=settings.genomes.duplicates,
        fraction=genomes.held_out_share,
        block=settings.genomes.validation.block,
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


if genomes.chosen:

    rule select_chunks:
        """Choose among the chunks of all genomes: one of each duplicate, and no more than the caps allow"""
        input:
            windows=ancient(expand("results/genomes/windows/{accession}.parquet", accession=genomes.species)),
            counts=expand("results/genomes/windows/{accession}.json", accession=genomes.species),
        output:
            choices=expand("results/genomes/windows/{accession}.npy", accession=genomes.species),
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
            genomes=genomes.in_order(),
            seed=settings.seed,
            caps=genomes.cap_options(),
            species=hooks.untracked(genomes.table),
        shell:
            """
            python -m workflow_scripts.genomes.select_chunks \
                --species {params.species:q} --windows results/genomes/windows \
                {params.caps:q} --seed {params.seed:q} \
                --out results/genomes/windows \
                >{log:q} 2>&1
            """

    rule keep_chunks:
        """Keep the chosen chunks of a genome"""
        input:
            windows=ancient("results/genomes/windows/{accession}.parquet"),
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
            genomes.shared_job("small_choices")
        conda:
            "../envs/data.yaml"
        resources:
            mem_mb=growing(2000),
            runtime=genomes.chunk_minutes,
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
        species=genomes.table,
        records=expand("results/genomes/fasta/{accession}.json", accession=genomes.species),
        counts=expand("results/genomes/chunks/{accession}.json", accession=genomes.species),
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
