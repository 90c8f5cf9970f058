"""
Pre-training: from token shards to a masked language model.

REQUIRED INPUTS:
    results/tokenizer/{tokenizer}/...    of the tokenizer that pretrain.{model} names
    or, for a model that starts from another: that model's directory, and with data: gue
    results/gue/{task}/{dataset}/train.csv, with data: genomes the tokens of its tokenizer
OUTPUTS:
    results/pretrain/{model}/            a Hugging Face model directory with tokenizer and model card
    results/pretrain/{model}/SHA256SUMS  the digests of its files: what reads the model runs again if they change
    results/pretrain/{model}/log.jsonl, summary.json
    results/pretrain/training_sets/{model}/train.npy, train.index.npy, train.json    the GUE training sets in tokens

The state of an unfinished run is in results/pretrain/.state/{model}; a restarted job resumes from it, on as many GPUs
as it then has. It is no declared output, because Snakemake removes those when a job fails, and neither are the models of
earlier steps that keep_models_every leaves in results/pretrain/checkpoints/{model}.
"""


rule pretrain:
    """Every model of the configuration"""
    input:
        expand("results/pretrain/{model}/summary.json", model=settings.pretrain),


rule encode_training_sets:
    """Encode the GUE training sets, and no dev or test set, for the further pre-training of a model"""
    input:
        tokenizer=pretraining.tokenizer_file,
        train=ancient(expand("results/gue/{dataset}/train.csv", dataset=gue.datasets)),
        sums=expand("results/gue/{dataset}/SHA256SUMS", dataset=gue.datasets),
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


# The program reads the settings that do not change the model, such as micro_batch_size, from the file with the
# configuration of the run, which is no input: so they repeat no finished training.
# exec replaces the shell, which would not wait for the training when Slurm signals every process of the job.
rule pretrain_model:
    """Pre-train a model, or resume its unfinished run"""
    input:
        start=pretraining.start_files,
        tokenizer=pretraining.made_tokenizer,
        tokens=ancient(pretraining.shard_files(".npy")),
        index=ancient(pretraining.shard_files(".index.npy")),
        counts=pretraining.shard_files(".json"),
    output:
        files=expand(
            "results/pretrain/{{model}}/{file}",
            file=["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"],
        ),
        sums="results/pretrain/{model}/SHA256SUMS",
        card="results/pretrain/{model}/README.md",
        log="results/pretrain/{model}/log.jsonl",
        summary="results/pretrain/{model}/summary.json",
    log:
        "results/logs/pretrain/pretrain_model/{model}.log",
    benchmark:
        "results/benchmarks/pretrain/pretrain_model/{model}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: pretraining.threads
    resources:
        mem_mb=growing(32000),
        # A longer training resumes in the next job of a chain: Slurm warns each job before its time is up.
        runtime=1440,
        slurm_extra=pretraining.slurm_extra,
        gpu=pretraining.gpus,
        node_gpus=pretraining.node_gpus,
        nodes=pretraining.nodes,
        mpi=pretraining.mpi,
        tasks=pretraining.tasks,
        tasks_per_gpu=pretraining.tasks_per_gpu,
    params:
        architecture=pretraining.architecture,
        training=pretraining.training,
        content=pretraining.start_content,
        start=hooks.untracked(pretraining.start_option),
        tokenizer=hooks.untracked(pretraining.tokenizer_folder),
        tokens=pretraining.shards,
        species=hooks.untracked(genomes.table),
    shell:
        """
        exec python -m workflow_scripts.pretrain.pretrain_model \
            --nodes {resources.nodes:q} --gpus {resources.node_gpus:q} --threads {threads:q} \
            --name {wildcards.model:q} --configuration results/configuration.json \
            --tokenizer {params.tokenizer:q} \
            --tokens {params.tokens:q} --species {params.species:q} {params.start:q} \
            --architecture {params.architecture:q} --training {params.training:q} \
            --state results/pretrain/.state/{wildcards.model:q} \
            --out results/pretrain/{wildcards.model:q} \
            >{log:q} 2>&1
        """
