"""
GUE: from primary sources, or the published files, to the data sets of GUE and GUE+.

REQUIRED INPUTS:
    config/gue.tsv, config/gue_sources.tsv, or the folder or archive of gue.published; the folders of gue.own
OUTPUTS:
    results/gue/sources/{source}                        the primary files
    results/gue/{task}/{dataset}/{train,dev,test}.csv   sequence,label (epi: enhancer,promoter,label)
    results/gue/{task}/{dataset}/datasheet.json         counts, classes, lengths, audit, hashes
"""


rule gue:
    """Every data set of the configuration"""
    input:
        expand("results/gue/{dataset}/datasheet.json", dataset=DATASETS),


rule fetch_source:
    """Fetch a primary file"""
    input:
        local=local_source,
    output:
        file="results/gue/sources/{source}",
        record="results/gue/records/{source}.json",
    log:
        "results/logs/gue/fetch_source/{source}.log",
    benchmark:
        "results/benchmarks/gue/fetch_source/{source}.tsv"
    conda:
        "../envs/download.yaml"
    resources:
        mem_mb=1000,
        runtime=240,
        downloads=1,
    params:
        url=source_url,
        md5=source_md5,
    shell:
        """
        python -m workflow_scripts.common.download \
            --url {params.url:q} {params.md5:q} \
            --out {output.file:q} --record {output.record:q} \
            >{log:q} 2>&1
        """


rule take_dataset:
    """Take in a data set of the user's own"""
    input:
        own_dataset_files,
    output:
        splits=expand(
            "results/gue/{{task}}/{{dataset}}/{split}.csv",
            split=["train", "dev", "test"],
        ),
        datasheet="results/gue/{task}/{dataset}/datasheet.json",
    log:
        "results/logs/gue/take_dataset/{task}/{dataset}.log",
    benchmark:
        "results/benchmarks/gue/take_dataset/{task}/{dataset}.tsv"
    wildcard_constraints:
        task=OWN_TASKS,
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code("gue/own.py"),
        own=own_options,
    shell:
        """
        python -m workflow_scripts.gue.own \
            --name {wildcards.task:q} {wildcards.dataset:q} {params.own:q} \
            --out results/gue/{wildcards.task:q}/{wildcards.dataset:q} \
            >{log:q} 2>&1
        """


if config["gue"]["origin"] == "primary":

    rule build_dataset:
        """Build a data set from its primary files"""
        input:
            registry=config["gue"]["registry"],
            sources=source_files,
        output:
            splits=expand(
                "results/gue/{{task}}/{{dataset}}/{split}.csv",
                split=["train", "dev", "test"],
            ),
            datasheet="results/gue/{task}/{dataset}/datasheet.json",
        log:
            "results/logs/gue/build_dataset/{task}/{dataset}.log",
        benchmark:
            "results/benchmarks/gue/build_dataset/{task}/{dataset}.tsv"
        wildcard_constraints:
            task="|".join(configuration.TASKS),
        conda:
            "../envs/data.yaml"
        resources:
            mem_mb=8000,
            runtime=120,
        params:
            code=code("gue/build.py"),
            seed=config["seed"],
            sources=source_arguments,
            length=dataset_length,
            max_rows=list(config["gue"]["max_rows"][split] for split in ["train", "dev", "test"]),
        shell:
            """
            python -m workflow_scripts.gue.build \
                --task {wildcards.task:q} --dataset {wildcards.dataset:q} \
                --registry {input.registry:q} {params.sources:q} {params.length:q} \
                --max-rows {params.max_rows:q} --seed {params.seed:q} \
                --out results/gue/{wildcards.task:q}/{wildcards.dataset:q} \
                >{log:q} 2>&1
            """

else:

    rule import_dataset:
        """Import a data set from the published files"""
        input:
            registry=config["gue"]["registry"],
            published=published_files,
        output:
            splits=expand(
                "results/gue/{{task}}/{{dataset}}/{split}.csv",
                split=["train", "dev", "test"],
            ),
            datasheet="results/gue/{task}/{dataset}/datasheet.json",
        log:
            "results/logs/gue/import_dataset/{task}/{dataset}.log",
        benchmark:
            "results/benchmarks/gue/import_dataset/{task}/{dataset}.tsv"
        wildcard_constraints:
            task="|".join(configuration.TASKS),
        conda:
            "../envs/data.yaml"
        resources:
            mem_mb=4000,
            runtime=60,
        params:
            code=code("gue/published.py"),
            published=config["gue"]["published"],
        shell:
            """
            python -m workflow_scripts.gue.published \
                --task {wildcards.task:q} --dataset {wildcards.dataset:q} \
                --registry {input.registry:q} --from {params.published:q} \
                --out results/gue/{wildcards.task:q}/{wildcards.dataset:q} \
                >{log:q} 2>&1
            """
