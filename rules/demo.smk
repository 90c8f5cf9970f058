"""
The simulated world of the demo.

REQUIRED INPUTS:
    config/demo/species.tsv, config/demo/gue_sources.tsv    the tables that name the files to write
OUTPUTS:
    results/demo/ncbi/...    a mirror of NCBI: assembly folders with FASTA and md5checksums.txt
    results/demo/gue/...     the primary files of the benchmark
    results/demo/apply/...   what models are applied to: a further genome, and sequences, intervals and variants of it
"""


rule simulate_world:
    """Invent genomes and annotation with planted signals"""
    input:
        species=settings.genomes.corpus,
        sources=settings.gue.sources,
    output:
        genomes=genomes.simulated_files(),
        sources=gue.simulated_files(),
        applications=applying.simulated_files(),
    log:
        "results/logs/demo/simulate_world.log",
    benchmark:
        "results/benchmarks/demo/simulate_world.tsv"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=code("demo/simulate_world.py"),
        seed=settings.demo.seed,
    shell:
        """
        python -m workflow_scripts.demo.simulate_world \
            --species {input.species:q} --sources {input.sources:q} \
            --seed {params.seed:q} --out results/demo \
            >{log:q} 2>&1
        """
