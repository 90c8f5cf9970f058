"""
GUE: from primary sources, or the published files, to the data sets of GUE and GUE+.

REQUIRED INPUTS:
    config/gue.tsv, config/gue_sources.tsv, or the folder or archive of gue.published; the folders, files, intervals and genomes of gue.custom
    config/gue_candidates.tsv, if gue.calibrate is on
OUTPUTS:
    results/gue/sources/{source}                        the primary files, or the published archive if gue.published is an address
    results/gue/hub/{task}/{dataset}/, .json            the published files if gue.published is hub, and the record of them
    results/gue/candidates/{task}/decisions.tsv         what was drawn for the binding sets, if gue.calibrate is on
    results/gue/{task}/{dataset}/{train,dev,test}.csv   sequence,label (epi: enhancer,promoter,label)
    results/gue/{task}/{dataset}/places.tsv             the place on the genome of each sequence that was cut from one
    results/gue/{task}/{dataset}/ids.tsv                the ids of a user's rows, by split and line
    results/gue/{task}/{dataset}/classes.json           the names of the classes, in the order of their labels
    results/gue/{task}/{dataset}/SHA256SUMS             the digests of all these: what reads a data set runs again if they change
    results/gue/{task}/{dataset}/datasheet.json         counts, classes, lengths, hashes
    results/gue/{task}/{dataset}/README.md              the same as a text
    results/gue/{task}/{dataset}.homology/              the same rows, split by homology, if gue.homology_twins is on
    results/gue/{task}/{dataset}/audit.json             leaks between the splits, contradictions, simple baselines
    results/gue/{task}/{dataset}/test_rows.tsv          the nearest train row, and the partner in train, of each test row
"""


rule gue:
    """Every data set of the configuration"""
    input:
        expand("results/gue/{dataset}/datasheet.json", dataset=gue.datasets),
        expand("results/gue/{dataset}/audit.json", dataset=gue.audited),


rule fetch_source:
    """Fetch a primary file, or the archive of the published files"""
    input:
        made=gue.made_source,
        local=ancient(gue.local_source),
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
        mem_mb=growing(1000),
        runtime=growing(240),
        downloads=1,
    params:
        source=gue.source,
        url=hooks.untracked(gue.source_url),
        md5=gue.md5_option,
    shell:
        """
        python -m workflow_scripts.gue.fetch_source \
            --url {params.url:q} {params.md5:q} \
            --out {output.file:q} --record {output.record:q} \
            >{log:q} 2>&1
        """


rule take_dataset:
    """Take in a custom data set"""
    input:
        ancient(gue.custom_dataset_files),
    output:
        splits=expand(
            "results/gue/{{task}}/{{dataset}}/{split}.csv",
            split=["train", "dev", "test"],
        ),
        places="results/gue/{task}/{dataset}/places.tsv",
        ids="results/gue/{task}/{dataset}/ids.tsv",
        classes="results/gue/{task}/{dataset}/classes.json",
        sums="results/gue/{task}/{dataset}/SHA256SUMS",
        datasheet="results/gue/{task}/{dataset}/datasheet.json",
        card="results/gue/{task}/{dataset}/README.md",
    log:
        "results/logs/gue/take_dataset/{task}/{dataset}.log",
    benchmark:
        "results/benchmarks/gue/take_dataset/{task}/{dataset}.tsv"
    wildcard_constraints:
        task=gue.custom_tasks,
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        code=code("gue/take_dataset.py"),
        content=gue.custom_content,
        custom=gue.custom_options,
        place=hooks.untracked(gue.custom_place),
    shell:
        """
        python -m workflow_scripts.gue.take_dataset \
            --name {wildcards.task:q} {wildcards.dataset:q} {params.place:q} {params.custom:q} \
            --out results/gue/{wildcards.task:q}/{wildcards.dataset:q} \
            >{log:q} 2>&1
        """


if settings.gue.origin == "primary":

    rule score_candidate:
        """Measure how hard the data set of a candidate's peaks would be"""
        input:
            registry=settings.gue.registry,
            genome=ancient(gue.candidate_genome),
            peaks=ancient("results/gue/sources/peaks/{candidate}"),
            records=gue.candidate_records,
        output:
            "results/gue/candidates/{task}/scores/{candidate}.json",
        log:
            "results/logs/gue/score_candidate/{task}/{candidate}.log",
        benchmark:
            "results/benchmarks/gue/score_candidate/{task}/{candidate}.tsv"
        conda:
            "../envs/data.yaml"
        resources:
            mem_mb=growing(2000),
            runtime=growing(60),
        params:
            code=code("gue/score_candidate.py"),
            seed=settings.seed,
            length=gue.length_option,
        shell:
            """
            python -m workflow_scripts.gue.score_candidate \
                --task {wildcards.task:q} --dataset 0 --registry {input.registry:q} \
                --genome {input.genome:q} --peaks {input.peaks:q} {params.length:q} \
                --seed {params.seed:q} --out {output:q} \
                >{log:q} 2>&1
            """

    rule draw_candidates:
        """Draw the peaks of the binding sets from the candidates of moderate difficulty"""
        input:
            candidates=settings.gue.candidates,
            scores=gue.candidate_scores,
            peaks=ancient(gue.candidate_peaks),
            records=gue.peak_records,
        output:
            decisions="results/gue/candidates/{task}/decisions.tsv",
            peaks=expand(
                "results/gue/candidates/{{task}}/{dataset}.narrowPeak.gz",
                dataset=["0", "1", "2", "3", "4"],
            ),
        log:
            "results/logs/gue/draw_candidates/{task}.log",
        benchmark:
            "results/benchmarks/gue/draw_candidates/{task}.tsv"
        conda:
            "../envs/data.yaml"
        resources:
            mem_mb=growing(1000),
            runtime=growing(10),
        params:
            code=code("gue/draw_candidates.py"),
            seed=settings.seed,
        shell:
            """
            python -m workflow_scripts.gue.draw_candidates \
                --candidates {input.candidates:q} --task {wildcards.task:q} --datasets 0 1 2 3 4 \
                --scores {input.scores:q} --peaks {input.peaks:q} --seed {params.seed:q} \
                --out results/gue/candidates/{wildcards.task:q} \
                >{log:q} 2>&1
            """

    rule build_dataset:
        """Build a data set from its primary files"""
        input:
            registry=settings.gue.registry,
            sources=ancient(gue.source_files),
            records=gue.source_records,
        output:
            splits=expand(
                "results/gue/{{task}}/{{dataset}}/{split}.csv",
                split=["train", "dev", "test"],
            ),
            places="results/gue/{task}/{dataset}/places.tsv",
            ids="results/gue/{task}/{dataset}/ids.tsv",
            classes="results/gue/{task}/{dataset}/classes.json",
            sums="results/gue/{task}/{dataset}/SHA256SUMS",
            datasheet="results/gue/{task}/{dataset}/datasheet.json",
            card="results/gue/{task}/{dataset}/README.md",
        log:
            "results/logs/gue/build_dataset/{task}/{dataset}.log",
        benchmark:
            "results/benchmarks/gue/build_dataset/{task}/{dataset}.tsv"
        wildcard_constraints:
            task=gue.benchmark_tasks,
            dataset=gue.without_twins,
        conda:
            "../envs/data.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(60),
        params:
            code=code("gue/build_dataset.py"),
            seed=settings.seed,
            sources=gue.source_options,
            length=gue.length_option,
            split=settings.gue.split,
            max_rows=gue.max_rows(),
        shell:
            """
            python -m workflow_scripts.gue.build_dataset \
                --task {wildcards.task:q} --dataset {wildcards.dataset:q} \
                --registry {input.registry:q} {params.sources:q} {params.length:q} \
                --max-rows {params.max_rows:q} --split {params.split:q} --seed {params.seed:q} \
                --out results/gue/{wildcards.task:q}/{wildcards.dataset:q} \
                >{log:q} 2>&1
            """

else:

    rule fetch_dataset:
        """Fetch the published files of a data set from the Hugging Face hub"""
        input:
            registry=ancient(settings.gue.registry),
        output:
            files=directory("results/gue/hub/{task}/{dataset}"),
            record="results/gue/hub/{task}/{dataset}.json",
        log:
            "results/logs/gue/fetch_dataset/{task}/{dataset}.log",
        benchmark:
            "results/benchmarks/gue/fetch_dataset/{task}/{dataset}.tsv"
        wildcard_constraints:
            task=gue.benchmark_tasks,
        conda:
            "../envs/data.yaml"
        resources:
            mem_mb=growing(1000),
            runtime=growing(120),
            downloads=1,
        params:
            hub=gue.hub_options,
        shell:
            """
            python -m workflow_scripts.gue.fetch_dataset \
                --task {wildcards.task:q} --dataset {wildcards.dataset:q} --registry {input.registry:q} \
                {params.hub:q} --out {output.files:q} --record {output.record:q} \
                >{log:q} 2>&1
            """

    rule import_dataset:
        """Import a data set from the published files"""
        input:
            registry=settings.gue.registry,
            known=settings.gue.known_files,
            published=ancient(gue.published_files),
            record=gue.published_record,
        output:
            splits=expand(
                "results/gue/{{task}}/{{dataset}}/{split}.csv",
                split=["train", "dev", "test"],
            ),
            places="results/gue/{task}/{dataset}/places.tsv",
            ids="results/gue/{task}/{dataset}/ids.tsv",
            classes="results/gue/{task}/{dataset}/classes.json",
            sums="results/gue/{task}/{dataset}/SHA256SUMS",
            datasheet="results/gue/{task}/{dataset}/datasheet.json",
            card="results/gue/{task}/{dataset}/README.md",
        log:
            "results/logs/gue/import_dataset/{task}/{dataset}.log",
        benchmark:
            "results/benchmarks/gue/import_dataset/{task}/{dataset}.tsv"
        wildcard_constraints:
            task=gue.benchmark_tasks,
            dataset=gue.without_twins,
        conda:
            "../envs/data.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(60),
        params:
            code=code("gue/import_dataset.py"),
            content=gue.published_content,
            published=hooks.untracked(gue.published),
            split=gue.published_split(),
        shell:
            """
            python -m workflow_scripts.gue.import_dataset \
                --task {wildcards.task:q} --dataset {wildcards.dataset:q} \
                --registry {input.registry:q} --known {input.known:q} --from {params.published:q} \
                {params.split:q} \
                --out results/gue/{wildcards.task:q}/{wildcards.dataset:q} \
                >{log:q} 2>&1
            """


if settings.gue.homology_twins:

    rule split_by_homology:
        """Split the rows of a data set again, so that related rows are in one split"""
        input:
            registry=settings.gue.registry,
            splits=ancient(expand("results/gue/{{task}}/{{dataset}}/{split}.csv", split=["train", "dev", "test"])),
            places=ancient("results/gue/{task}/{dataset}/places.tsv"),
            datasheet=ancient("results/gue/{task}/{dataset}/datasheet.json"),
            sums="results/gue/{task}/{dataset}/SHA256SUMS",
        output:
            splits=expand(
                "results/gue/{{task}}/{{dataset}}.homology/{split}.csv",
                split=["train", "dev", "test"],
            ),
            places="results/gue/{task}/{dataset}.homology/places.tsv",
            ids="results/gue/{task}/{dataset}.homology/ids.tsv",
            classes="results/gue/{task}/{dataset}.homology/classes.json",
            sums="results/gue/{task}/{dataset}.homology/SHA256SUMS",
            datasheet="results/gue/{task}/{dataset}.homology/datasheet.json",
            card="results/gue/{task}/{dataset}.homology/README.md",
        log:
            "results/logs/gue/split_by_homology/{task}/{dataset}.log",
        benchmark:
            "results/benchmarks/gue/split_by_homology/{task}/{dataset}.tsv"
        wildcard_constraints:
            task=gue.benchmark_tasks,
        conda:
            "../envs/data.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(60),
        params:
            code=code("gue/split_by_homology.py"),
            seed=settings.seed,
        shell:
            """
            python -m workflow_scripts.gue.split_by_homology \
                --task {wildcards.task:q} --dataset {wildcards.dataset:q} --registry {input.registry:q} \
                --data results/gue/{wildcards.task:q}/{wildcards.dataset:q} --seed {params.seed:q} \
                --out results/gue/{wildcards.task:q}/{wildcards.dataset:q}.homology \
                >{log:q} 2>&1
            """


rule audit_dataset:
    """Look for leaks, contradictions and shortcuts in a data set"""
    input:
        splits=ancient(
            expand(
                "results/gue/{{task}}/{{dataset}}/{split}.csv",
                split=["train", "dev", "test"],
            )
        ),
        places=ancient("results/gue/{task}/{dataset}/places.tsv"),
        sums="results/gue/{task}/{dataset}/SHA256SUMS",
    output:
        audit="results/gue/{task}/{dataset}/audit.json",
        rows="results/gue/{task}/{dataset}/test_rows.tsv",
    log:
        "results/logs/gue/audit_dataset/{task}/{dataset}.log",
    benchmark:
        "results/benchmarks/gue/audit_dataset/{task}/{dataset}.tsv"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        code=code("gue/audit_dataset.py"),
        seed=settings.seed,
        fail_on_leak=["--fail-on-leak"] if settings.gue.fail_on_leak else [],
    shell:
        """
        python -m workflow_scripts.gue.audit_dataset \
            --task {wildcards.task:q} --dataset {wildcards.dataset:q} \
            --data results/gue/{wildcards.task:q}/{wildcards.dataset:q} \
            {params.fail_on_leak:q} --seed {params.seed:q} --rows {output.rows:q} --out {output.audit:q} \
            >{log:q} 2>&1
        """
