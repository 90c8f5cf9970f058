"""
Report: from scores and counts to tables and a page.

REQUIRED INPUTS:
    results/finetune/.../metrics.json, and the counts and summaries of every stage
OUTPUTS:
    results/report/gue_results.tsv     one row per model, method and data set, beside the paper's values
    results/report/gue_summary.json    task means, comparisons of models, the paper's sums recomputed
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
        metrics=expand("{fit}/metrics.json", fit=FITS),
        registry=config["gue"]["registry"],
        paper=config["report"]["paper_results"],
        paper_models=config["report"]["paper_models"],
    output:
        table="results/report/gue_results.tsv",
        summary="results/report/gue_summary.json",
    log:
        "results/logs/report/collect_results.log",
    benchmark:
        "results/benchmarks/report/collect_results.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("report/results.py"),
        own=option("--own", *(f"{name}={REGISTRY[name]['metric']}" for name in config["gue"]["own"])),
        simulated=["--simulated"] if "demo" in config else [],
    shell:
        """
        python -m workflow_scripts.report.results \
            --metrics {input.metrics:q} --registry {input.registry:q} {params.own:q} {params.simulated:q} \
            --paper {input.paper:q} --paper-models {input.paper_models:q} \
            --out {output.table:q} --summary {output.summary:q} \
            >{log:q} 2>&1
        """


rule write_report:
    """Write the page"""
    input:
        corpus="results/genomes/corpus.tsv",
        tokenizers=expand("results/tokenizer/{tokenizer}/stats.json", tokenizer=config["tokenizer"]),
        tokenization="results/studies/tokenization.json",
        pretraining=expand("results/pretrain/{model}/summary.json", model=config["pretrain"]),
        logs=expand("results/pretrain/{model}/log.jsonl", model=config["pretrain"]),
        datasheets=expand("results/gue/{dataset}/datasheet.json", dataset=DATASETS),
        results="results/report/gue_results.tsv",
        summary="results/report/gue_summary.json",
        paper=config["report"]["paper_results"],
        paper_models=config["report"]["paper_models"],
    output:
        page="results/report/index.html",
        figures=directory("results/report/figures"),
    log:
        "results/logs/report/write_report.log",
    benchmark:
        "results/benchmarks/report/write_report.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("report/page.py"),
        title=config["report"]["title"],
        notice=option("--notice", config["report"]["notice"]),
        corpus_note=option("--corpus-note", configuration.corpus_note(config["genomes"]["corpus"])),
    shell:
        """
        python -m workflow_scripts.report.page \
            --title {params.title:q} {params.notice:q} \
            --corpus {input.corpus:q} {params.corpus_note:q} --tokenizers {input.tokenizers:q} \
            --tokenization {input.tokenization:q} \
            --pretraining {input.pretraining:q} --logs {input.logs:q} \
            --datasheets {input.datasheets:q} \
            --results {input.results:q} --summary {input.summary:q} \
            --paper {input.paper:q} --paper-models {input.paper_models:q} \
            --out {output.page:q} --figures {output.figures:q} \
            >{log:q} 2>&1
        """
