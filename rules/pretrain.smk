"""
Pre-training: from token shards to a masked language model.

REQUIRED INPUTS:
    results/tokenizer/{tokenizer}/...    of the tokenizer that pretrain.{model} names
    or, for a model that goes on from another: that model's directory, and with data: gue
    results/gue/{task}/{dataset}/train.csv
OUTPUTS:
    results/pretrain/{model}/            a Hugging Face model directory with tokenizer and model card
    results/pretrain/{model}/log.jsonl, summary.json
    results/pretrain/training_sets/{model}/train.npy, train.index.npy, train.json    the GUE training sets in tokens

The state of an unfinished run lies in results/pretrain/.state/{model}. It is no declared output, because Snakemake
removes those when a job fails; a restarted job goes on from it, on as many GPUs as it then has.
"""


rule pretrain:
    """Every model of the configuration"""
    input:
        expand("results/pretrain/{model}/summary.json", model=config["pretrain"]),


rule encode_training_sets:
    """Encode the GUE training sets, and nothing else of GUE, for the further pre-training of a model"""
    input:
        tokenizer=model_tokenizer,
        train=expand("results/gue/{dataset}/train.csv", dataset=DATASETS),
    output:
        tokens="results/pretrain/training_sets/{model}/train.npy",
        index="results/pretrain/training_sets/{model}/train.index.npy",
        counts="results/pretrain/training_sets/{model}/train.json",
    log:
        "results/logs/pretrain/encode_training_sets/{model}.log",
    benchmark:
        "results/benchmarks/pretrain/encode_training_sets/{model}.tsv"
    conda:
        "../envs/data.yaml"
    threads: 2
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        code=code("pretrain/encode_training_sets.py"),
    shell:
        """
        export RAYON_NUM_THREADS={threads:q}
        python -m workflow_scripts.pretrain.encode_training_sets \
            --train {input.train:q} --tokenizer {input.tokenizer:q} \
            --tokens {output.tokens:q} --index {output.index:q} --counts {output.counts:q} \
            >{log:q} 2>&1
        """


# exec replaces the shell, which would not wait for the training when Slurm signals every process of the job.
rule pretrain_model:
    """Pre-train a model, or go on with its unfinished run"""
    input:
        start=start_files,
        tokenizer=model_tokenizer,
        tokens=shards(".npy"),
        index=shards(".index.npy"),
    output:
        files=expand("results/pretrain/{{model}}/{file}", file=MODEL_FILES),
        card="results/pretrain/{model}/README.md",
        log="results/pretrain/{model}/log.jsonl",
        summary="results/pretrain/{model}/summary.json",
    log:
        "results/logs/pretrain/pretrain_model/{model}.log",
    benchmark:
        "results/benchmarks/pretrain/pretrain_model/{model}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: model_threads
    resources:
        mem_mb=growing(32000),
        # A training that takes longer goes on in the next job of a chain, whose jobs are warned before their time is up.
        runtime=1440,
        slurm_extra=slurm_options,
        gpu=model_gpus,
        node_gpus=node_gpus,
        nodes=model_nodes,
        # On several nodes srun starts the processes: then the job itself may not be a step of one task. Without the 0
        # Slurm would be asked for all tasks on each GPU.
        mpi=on_several_nodes("srun"),
        tasks=on_several_nodes(model_processes),
        tasks_per_gpu=on_several_nodes(0),
    params:
        architecture=model_architecture,
        training=model_training,
        start=start_option,
        tokens=shard_place,
    shell:
        """
        configuration=results/pretrain/.configuration-{wildcards.model:q}.json
        printf %s "$RUN" >"$configuration"
        exec python -m workflow_scripts.pretrain.pretrain_model \
            --nodes {resources.nodes:q} --gpus {resources.node_gpus:q} --threads {threads:q} \
            --name {wildcards.model:q} --configuration "$configuration" \
            --tokenizer "$(dirname {input.tokenizer:q})" \
            --tokens {params.tokens:q} --species "$SPECIES_TABLE" {params.start:q} \
            --architecture {params.architecture:q} --training {params.training:q} \
            --state results/pretrain/.state/{wildcards.model:q} \
            --out results/pretrain/{wildcards.model:q} \
            >{log:q} 2>&1
        """
