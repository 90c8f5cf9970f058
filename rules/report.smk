"""
Report: from scores and counts to tables and a page.

REQUIRED INPUTS:
    results/finetune/.../metrics.json and predictions.parquet, and the counts and summaries of every stage
OUTPUTS:
    results/report/gue_results.tsv     one row per model, method and data set, beside the paper's values
    results/report/gue_audit.tsv       one row per data set: leaks between its splits, contradictions, simple baselines
    results/report/gue_verdicts.tsv    each of these rows against each of the paper's models: reproduced or not
    results/report/gue_pairs.tsv       every two runs on each data set, on the same resamples of its test rows
    results/report/gue_summary.json    task means, comparisons and ranks of runs, the paper's sums recomputed
    results/report/efficiency.tsv      parameters, FLOPs, time and memory of each run and of the paper's models
    results/report/run.json            what the results were made from and with: configuration, versions, commit, digests
    results/report/index.html          the page, self-contained; its figures as SVG and PNG in figures/
"""


rule gue_results:
    """The benchmark table"""
    input:
        "results/report/gue_results.tsv",


rule report:
    """The page"""
    input:
        "results/report/index.html",


rule collect_results:
    """Join the scores of all fits with the paper's"""
    input:
        metrics=reported_fits("metrics.json"),
        predictions=reported_fits("predictions.parquet"),
        datasheets=expand("results/gue/{dataset}/datasheet.json", dataset=DATASETS),
        registry=config["gue"]["registry"],
        paper=config["report"]["paper_results"],
        paper_models=config["report"]["paper_models"],
    output:
        table=report("results/report/gue_results.tsv", caption="captions/results.rst", category="Tables"),
        verdicts=report("results/report/gue_verdicts.tsv", caption="captions/verdicts.rst", category="Tables"),
        pairs=report("results/report/gue_pairs.tsv", caption="captions/pairs.rst", category="Tables"),
        summary="results/report/gue_summary.json",
    log:
        "results/logs/report/collect_results.log",
    benchmark:
        "results/benchmarks/report/collect_results.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        code=code("report/collect_results.py"),
        planned=json.dumps(planned_runs()),
        seeds=config["finetune"]["seeds"],
        seed=config["seed"],
        custom=option("--custom", *(f"{name}={REGISTRY[name]['metric']}" for name in config["gue"]["custom"])),
        simulated=["--simulated"] if "demo" in config else [],
    shell:
        """
        python -m workflow_scripts.report.collect_results \
            --fits results/finetune --planned {params.planned:q} --seeds {params.seeds:q} \
            --datasheets results/gue --registry {input.registry:q} {params.custom:q} {params.simulated:q} \
            --paper {input.paper:q} --paper-models {input.paper_models:q} --seed {params.seed:q} \
            --out {output.table:q} --verdicts {output.verdicts:q} --pairs {output.pairs:q} \
            --summary {output.summary:q} \
            >{log:q} 2>&1
        """


rule count_costs:
    """Count what the models cost, beside their scores"""
    input:
        summary="results/report/gue_summary.json",
        models=list(counted_files()),
        paper_models=config["report"]["paper_models"],
    output:
        report("results/report/efficiency.tsv", caption="captions/efficiency.rst", category="Tables"),
    log:
        "results/logs/report/count_costs.log",
    benchmark:
        "results/benchmarks/report/count_costs.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=code("report/count_costs.py", "common/flops.py"),
        planned=json.dumps(planned_runs()),
        seeds=config["finetune"]["seeds"],
        models=json.dumps(COUNTED_MODELS),
    shell:
        """
        python -m workflow_scripts.report.count_costs \
            --summary {input.summary:q} --models {params.models:q} --paper-models {input.paper_models:q} \
            --fits results/finetune --planned {params.planned:q} --seeds {params.seeds:q} \
            --benchmarks results/benchmarks/finetune/finetune_model --out {output:q} \
            >{log:q} 2>&1
        """


rule collect_audits:
    """Put the audits of all data sets into one table"""
    input:
        datasheets=expand("results/gue/{dataset}/datasheet.json", dataset=AUDITED),
        audits=expand("results/gue/{dataset}/audit.json", dataset=AUDITED),
    output:
        report("results/report/gue_audit.tsv", caption="captions/audit.rst", category="Tables"),
    log:
        "results/logs/report/collect_audits.log",
    benchmark:
        "results/benchmarks/report/collect_audits.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=code("report/collect_audits.py"),
    shell:
        """
        python -m workflow_scripts.report.collect_audits \
            --datasheets {input.datasheets:q} --audits {input.audits:q} --out {output:q} \
            >{log:q} 2>&1
        """


# What the workflow knows of the run is no param: it makes nothing run again, for the record is of the results.
rule record_run:
    """Write down what the results were made from, and with what"""
    input:
        results="results/report/gue_summary.json",
        species=config["genomes"]["corpus"],
        used=SPECIES_TABLE,
        corpus=of_training("results/genomes/corpus.tsv"),
        tables=[config["gue"][table] for table in ("registry", "sources", "candidates", "known_files")],
        hparams=config["finetune"]["hparams"],
        paper=config["report"]["paper_results"],
        paper_models=config["report"]["paper_models"],
        datasheets=expand("results/gue/{dataset}/datasheet.json", dataset=DATASETS),
    output:
        report("results/report/run.json", caption="captions/record.rst", category="Record"),
    log:
        "results/logs/report/record_run.log",
    benchmark:
        "results/benchmarks/report/record_run.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=code("report/record_run.py"),
    shell:
        """
        python -m workflow_scripts.report.record_run \
            --run "$RUN" --files {input:q} --out {output:q} \
            >{log:q} 2>&1
        """


rule write_report:
    """Write the page"""
    input:
        corpus=of_training("results/genomes/corpus.tsv"),
        species=of_training(SPECIES_TABLE),
        tokenizers=of_training(*expand("results/tokenizer/{tokenizer}/stats.json", tokenizer=config["tokenizer"])),
        tokenization=of_training("results/studies/tokenization.json"),
        pretraining=expand("results/pretrain/{model}/summary.json", model=TRAINED),
        logs=expand("results/pretrain/{model}/log.jsonl", model=TRAINED),
        datasheets=expand("results/gue/{dataset}/datasheet.json", dataset=DATASETS),
        audits="results/report/gue_audit.tsv",
        results="results/report/gue_results.tsv",
        verdicts="results/report/gue_verdicts.tsv",
        pairs="results/report/gue_pairs.tsv",
        summary="results/report/gue_summary.json",
        efficiency="results/report/efficiency.tsv",
        record="results/report/run.json",
        paper=config["report"]["paper_results"],
        paper_models=config["report"]["paper_models"],
    output:
        page=report("results/report/index.html", caption="captions/page.rst", category="Page"),
        figures=report(
            directory("results/report/figures"),
            patterns=["{figure}.svg"],
            caption="captions/figure.rst",
            category="Figures",
        ),
    log:
        "results/logs/report/write_report.log",
    benchmark:
        "results/benchmarks/report/write_report.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=code(
            "report/write_report.py",
            "report/templates/report.html.j2",
            "report/templates/overview.html.j2",
            "report/templates/tokenization.html.j2",
            "report/templates/benchmark.html.j2",
            "report/templates/audit.html.j2",
            "report/templates/macros.html.j2",
            "report/templates/report.css",
            "report/templates/report.js",
        ),
        title=config["report"]["title"],
        notice=option("--notice", config["report"]["notice"]),
        corpus=option("--corpus", *of_training("results/genomes/corpus.tsv")),
        species=option("--species", *of_training(SPECIES_TABLE)),
        corpus_note=option("--corpus-note", corpus_note(config["genomes"]["corpus"])),
        tokenization=option("--tokenization", *of_training("results/studies/tokenization.json")),
    shell:
        """
        python -m workflow_scripts.report.write_report \
            --title {params.title:q} {params.notice:q} \
            {params.corpus:q} {params.species:q} {params.corpus_note:q} \
            --tokenizers {input.tokenizers:q} {params.tokenization:q} \
            --pretraining {input.pretraining:q} --logs {input.logs:q} \
            --datasheets {input.datasheets:q} --audits {input.audits:q} \
            --results {input.results:q} --verdicts {input.verdicts:q} --pairs {input.pairs:q} \
            --fits results/finetune --summary {input.summary:q} --efficiency {input.efficiency:q} \
            --record {input.record:q} --paper {input.paper:q} --paper-models {input.paper_models:q} \
            --out {output.page:q} --figures {output.figures:q} \
            >{log:q} 2>&1
        """
