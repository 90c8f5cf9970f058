"""
Report: from scores and counts to tables and a page.

REQUIRED INPUTS:
    results/finetune/.../metrics.json and predictions.parquet, and the counts and summaries of every stage
OUTPUTS:
    results/report/gue_results.tsv     one row per model, method and data set, next to the paper's values
    results/report/gue_audit.tsv       one row per data set: leaks between its splits, contradictions, simple baselines
    results/report/gue_homology.tsv    scores on each data set and on its homology twin, if gue.homology_twins is on
    results/report/gue_strata.tsv      scores on the test rows by how near they are to a train row
    results/report/gue_verdicts.tsv    each of these rows against each published model: reproduced or not
    results/report/gue_pairs.tsv       each pair of runs on each data set, over seeds and the same test rows
    results/report/gue_summary.json    task means, comparisons and ranks of runs, the paper's sums recomputed
    results/report/evidence/           what is behind the scores: classes.tsv, confusions.tsv, curves.tsv, errors.tsv,
                                       learning.tsv
    results/report/efficiency.tsv      parameters, FLOPs, time and memory of each run and of the paper's models
    results/report/run.json            how the results were made: configuration, versions, commit, digests
    results/report/index.html          the page, self-contained; its figures as SVG and PNG in figures/
"""


rule gue_results:
    """The benchmark table"""
    input:
        "results/report/gue_results.tsv",
        reporting.homology_table(),


rule report:
    """The page"""
    input:
        "results/report/index.html",


rule collect_results:
    """Join the scores of all fits with the paper's"""
    input:
        metrics=reporting.fit_files("metrics.json"),
        predictions=reporting.fit_files("predictions.parquet"),
        datasheets=expand("results/gue/{dataset}/datasheet.json", dataset=gue.datasets),
        registry=settings.gue.registry,
        paper=settings.report.paper_results,
        paper_models=settings.report.paper_models,
        reruns=settings.report.reruns,
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
        planned=reporting.planned(),
        seeds=settings.finetune.seeds,
        seed=settings.seed,
        custom=reporting.custom_option(),
        floors=reporting.floors_option(),
        simulated=reporting.simulated_flag(),
    shell:
        """
        python -m workflow_scripts.report.collect_results \
            --fits results/finetune --planned {params.planned:q} --seeds {params.seeds:q} \
            --datasheets results/gue --registry {input.registry:q} {params.custom:q} {params.simulated:q} \
            --paper {input.paper:q} --paper-models {input.paper_models:q} --reruns {input.reruns:q} \
            {params.floors:q} --seed {params.seed:q} --out {output.table:q} --verdicts {output.verdicts:q} --pairs {output.pairs:q} \
            --summary {output.summary:q} \
            >{log:q} 2>&1
        """


rule collect_evidence:
    """Collect what is behind the scores: classes, confusions, curves, errors, learning"""
    input:
        metrics=reporting.fit_files("metrics.json"),
        predictions=reporting.fit_files("predictions.parquet"),
        data=expand("results/gue/{dataset}/SHA256SUMS", dataset=gue.datasets),
    output:
        classes=report("results/report/evidence/classes.tsv", caption="captions/classes.rst", category="Tables"),
        confusions=report(
            "results/report/evidence/confusions.tsv", caption="captions/confusions.rst", category="Tables"
        ),
        curves=report("results/report/evidence/curves.tsv", caption="captions/curves.rst", category="Tables"),
        errors=report("results/report/evidence/errors.tsv", caption="captions/errors.rst", category="Tables"),
        learning=report("results/report/evidence/learning.tsv", caption="captions/learning.rst", category="Tables"),
    log:
        "results/logs/report/collect_evidence.log",
    benchmark:
        "results/benchmarks/report/collect_evidence.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        code=code("report/collect_evidence.py"),
        planned=reporting.planned(),
        seeds=settings.finetune.seeds,
    shell:
        """
        python -m workflow_scripts.report.collect_evidence \
            --fits results/finetune --planned {params.planned:q} --seeds {params.seeds:q} --data results/gue \
            --classes {output.classes:q} --confusions {output.confusions:q} \
            --curves {output.curves:q} --errors {output.errors:q} --learning {output.learning:q} \
            >{log:q} 2>&1
        """


rule count_costs:
    """Count what the models cost, next to their scores"""
    input:
        summary="results/report/gue_summary.json",
        models=reporting.counted_files(),
        paper_models=settings.report.paper_models,
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
        code=code("report/count_costs.py"),
        planned=reporting.planned(),
        seeds=settings.finetune.seeds,
        models=reporting.counted(),
    shell:
        """
        python -m workflow_scripts.report.count_costs \
            --summary {input.summary:q} --models {params.models:q} --paper-models {input.paper_models:q} \
            --fits results/finetune --planned {params.planned:q} --seeds {params.seeds:q} \
            --benchmarks results/benchmarks/finetune/finetune_model --out {output:q} \
            >{log:q} 2>&1
        """


rule collect_audits:
    """Collect the audits of all data sets in one table"""
    input:
        datasheets=expand("results/gue/{dataset}/datasheet.json", dataset=gue.audited),
        audits=expand("results/gue/{dataset}/audit.json", dataset=gue.audited),
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


rule score_by_similarity:
    """Score the fits on test rows by how near they are to a train row"""
    input:
        predictions=reporting.fit_files("predictions.parquet"),
        rows=expand("results/gue/{dataset}/test_rows.tsv", dataset=gue.audited),
    output:
        report("results/report/gue_strata.tsv", caption="captions/strata.rst", category="Tables"),
    log:
        "results/logs/report/score_by_similarity.log",
    benchmark:
        "results/benchmarks/report/score_by_similarity.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=code("report/score_by_similarity.py"),
        planned=reporting.planned(),
        seeds=settings.finetune.seeds,
    shell:
        """
        python -m workflow_scripts.report.score_by_similarity \
            --fits results/finetune --planned {params.planned:q} --seeds {params.seeds:q} \
            --data results/gue --out {output:q} \
            >{log:q} 2>&1
        """


rule compare_splits:
    """Compare the scores on each data set and on its homology twin"""
    input:
        metrics=reporting.twinned_fits("metrics.json"),
        predictions=reporting.twinned_fits("predictions.parquet"),
    output:
        report("results/report/gue_homology.tsv", caption="captions/homology.rst", category="Tables"),
    log:
        "results/logs/report/compare_splits.log",
    benchmark:
        "results/benchmarks/report/compare_splits.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        code=code("report/compare_splits.py"),
        planned=reporting.twinned(),
        seeds=settings.finetune.seeds,
        seed=settings.seed,
    shell:
        """
        python -m workflow_scripts.report.compare_splits \
            --fits results/finetune --planned {params.planned:q} --seeds {params.seeds:q} --seed {params.seed:q} \
            --out {output:q} \
            >{log:q} 2>&1
        """


# The file with the configuration is no input, so that the record is made anew only with new results.
rule record_run:
    """Record how the results were made"""
    input:
        results="results/report/gue_summary.json",
        species=settings.genomes.corpus,
        used=genomes.table,
        corpus=reporting.of_training("results/genomes/corpus.tsv"),
        tables=gue.tables,
        hparams=settings.finetune.hparams,
        paper=settings.report.paper_results,
        paper_models=settings.report.paper_models,
        reruns=settings.report.reruns,
        datasheets=expand("results/gue/{dataset}/datasheet.json", dataset=gue.datasets),
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
            --run results/configuration.json --files {input:q} --out {output:q} \
            >{log:q} 2>&1
        """


rule write_report:
    """Write the page"""
    input:
        corpus=reporting.of_training("results/genomes/corpus.tsv"),
        species=reporting.of_training(genomes.table),
        tokenizers=reporting.of_training(
            *expand("results/tokenizer/{tokenizer}/stats.json", tokenizer=settings.tokenizer)
        ),
        tokenization=reporting.of_training("results/studies/tokenization/tokenization.json"),
        studies=reporting.study_results(),
        pretraining=expand("results/pretrain/{model}/summary.json", model=reporting.trained),
        logs=expand("results/pretrain/{model}/log.jsonl", model=reporting.trained),
        datasheets=expand("results/gue/{dataset}/datasheet.json", dataset=gue.datasets),
        audits="results/report/gue_audit.tsv",
        strata="results/report/gue_strata.tsv",
        results="results/report/gue_results.tsv",
        verdicts="results/report/gue_verdicts.tsv",
        pairs="results/report/gue_pairs.tsv",
        summary="results/report/gue_summary.json",
        efficiency="results/report/efficiency.tsv",
        evidence=rules.collect_evidence.output,
        homology=reporting.homology_table(),
        applied=applying.results(),
        record="results/report/run.json",
        paper=settings.report.paper_results,
        paper_models=settings.report.paper_models,
        reruns=settings.report.reruns,
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
        code=code("report/write_report.py", "report/templates/*"),
        title=settings.report.title,
        notice=reporting.notice_option(),
        corpus=reporting.training_option("--corpus", "results/genomes/corpus.tsv"),
        species=reporting.training_option("--species", genomes.table),
        corpus_note=reporting.corpus_note_option(),
        tokenization=reporting.training_option("--tokenization", "results/studies/tokenization/tokenization.json"),
        studies=reporting.studies_option(),
        homology=reporting.homology_option(),
    shell:
        """
        python -m workflow_scripts.report.write_report \
            --title {params.title:q} {params.notice:q} \
            {params.corpus:q} {params.species:q} {params.corpus_note:q} \
            --tokenizers {input.tokenizers:q} {params.tokenization:q} {params.studies:q} \
            --pretraining {input.pretraining:q} --logs {input.logs:q} \
            --datasheets {input.datasheets:q} --audits {input.audits:q} --strata {input.strata:q} \
            --results {input.results:q} --verdicts {input.verdicts:q} --pairs {input.pairs:q} \
            --fits results/finetune --summary {input.summary:q} --efficiency {input.efficiency:q} \
            --evidence results/report/evidence {params.homology:q} --applied {input.applied:q} --record {input.record:q} \
            --paper {input.paper:q} --paper-models {input.paper_models:q} --reruns {input.reruns:q} \
            --out {output.page:q} --figures {output.figures:q} \
            >{log:q} 2>&1
        """
