"""
Fine-tuning: from a model and a data set to predictions and scores.

REQUIRED INPUTS:
    results/pretrain/{model}/..., or what finetune.models.{model} names: a directory, a hub model, a baseline
    results/gue/{task}/{dataset}/{train,dev,test}.csv, classes.json, ids.tsv
OUTPUTS:
    results/finetune/models/{model}/, .json    a model of the Hugging Face hub, and the record of its files
    results/finetune/{model}/{method}/{task}/{dataset}/seed{seed}/metrics.json
    results/finetune/{model}/{method}/{task}/{dataset}/seed{seed}/predictions.parquet
    results/finetune/{model}/{method}/{task}/{dataset}/seed{seed}/model/    all weights, or the adapter with the head

Fits with the same tokenizer share the tokens of a data set in results/finetune/.tokens, a cache that can be removed at
any time. The state of an unfinished fit is in results/finetune/.state; fits of more than some minutes resume from it. It
is no declared output, because Snakemake removes those when a job fails.

A job asks a server to run its fit. The server has loaded the libraries for all fits of its user; it starts on demand and
stops after a minute without a fit. Without a server the job runs the fit itself. The costs of a fit are in its
metrics.json: Snakemake's benchmark does not see the processes of the server.
"""


rule finetune:
    """Every fit of the configuration"""
    input:
        expand("{fit}/metrics.json", fit=finetuning.fits + finetuning.twin_fits),


rule fetch_model:
    """Fetch a model from the Hugging Face hub"""
    output:
        model=directory("results/finetune/models/{model}"),
        record="results/finetune/models/{model}.json",
    log:
        "results/logs/finetune/fetch_model/{model}.log",
    benchmark:
        "results/benchmarks/finetune/fetch_model/{model}.tsv"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(240),
        downloads=1,
    params:
        hub=finetuning.hub_options,
    shell:
        """
        python -m workflow_scripts.finetune.fetch_model {params.hub:q} \
            --out {output.model:q} --record {output.record:q} \
            >{log:q} 2>&1
        """


rule finetune_model:
    """Fine-tune a model on a data set with one seed, and score it"""
    input:
        model=finetuning.model_files,
        # The files of a model in a user's directory are known by their digests alone, so it may move.
        fetched=ancient(finetuning.fetched_model),
        data=ancient(
            expand(
                "results/gue/{{task}}/{{dataset}}/{file}",
                file=["train.csv", "dev.csv", "test.csv", "classes.json", "ids.tsv"],
            )
        ),
        sums="results/gue/{task}/{dataset}/SHA256SUMS",
        # Fits do not read the audit, but if leaks are errors they must not start before it.
        audit=ancient(gue.audit),
    output:
        metrics="results/finetune/{model}/{method}/{task}/{dataset}/seed{seed}/metrics.json",
        predictions="results/finetune/{model}/{method}/{task}/{dataset}/seed{seed}/predictions.parquet",
        model=directory("results/finetune/{model}/{method}/{task}/{dataset}/seed{seed}/model"),
    log:
        "results/logs/finetune/finetune_model/{model}/{method}/{task}/{dataset}/seed{seed}.log",
    benchmark:
        "results/benchmarks/finetune/finetune_model/{model}/{method}/{task}/{dataset}/seed{seed}.tsv"
    group:
        finetuning.shared_job
    conda:
        "../envs/torch.yaml"
    threads: settings.finetune.threads
    resources:
        mem_mb=growing(16000),
        runtime=finetuning.minutes,
        gpu=settings.finetune.gpus,
        group_slot=1,
    params:
        content=finetuning.foreign_content,
        reading=finetuning.reading,
        model=hooks.untracked(finetuning.model),
        settings=finetuning.fit_settings,
        metric=gue.metric,
        gpus=hooks.untracked(settings.finetune.gpus),
    shell:
        """
        python -m workflow_scripts.finetune.finetune_model --gpus {params.gpus:q} \
            --name {wildcards.model:q} {wildcards.task:q} {wildcards.dataset:q} \
            --model {params.model:q} --method {wildcards.method:q} --seed {wildcards.seed:q} \
            --data results/gue/{wildcards.task:q}/{wildcards.dataset:q} \
            --metric {params.metric:q} --settings {params.settings:q} \
            --tokens results/finetune/.tokens \
            --state results/finetune/.state/{wildcards.model:q}/{wildcards.method:q}/{wildcards.task:q}/{wildcards.dataset:q}/seed{wildcards.seed:q} \
            --out results/finetune/{wildcards.model:q}/{wildcards.method:q}/{wildcards.task:q}/{wildcards.dataset:q}/seed{wildcards.seed:q} \
            >{log:q} 2>&1
        """
