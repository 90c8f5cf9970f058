"""
Pre-training: from token shards to a masked language model.

REQUIRED INPUTS:
    results/tokenizer/{tokenizer}/...    of the tokenizer that pretrain.{model} names
OUTPUTS:
    results/pretrain/{model}/            a Hugging Face model directory with tokenizer and model card
    results/pretrain/{model}/log.jsonl, summary.json

The state of an unfinished run lies in results/pretrain/.state/{model}. It is no declared output, because Snakemake
removes those when a job fails; a restarted job goes on from it.
"""


rule pretrain:
    """Every model of the configuration"""
    input:
        expand("results/pretrain/{model}/summary.json", model=config["pretrain"]),


rule pretrain_model:
    """Pre-train a model, or go on with its unfinished run"""
    input:
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
    threads: 8
    resources:
        mem_mb=32000,
        runtime=7200,
        gpu=model_gpus,
    params:
        architecture=model_architecture,
        training=model_training,
    shell:
        """
        python -m workflow_scripts.pretrain.train \
            --name {wildcards.model:q} \
            --tokenizer "$(dirname {input.tokenizer:q})" \
            --tokens {input.tokens:q} --index {input.index:q} \
            --architecture {params.architecture:q} --training {params.training:q} \
            --state results/pretrain/.state/{wildcards.model:q} \
            --out results/pretrain/{wildcards.model:q} \
            >{log:q} 2>&1
        """
