"""
Use of models: predictions and embeddings of the user's sequences and intervals.

REQUIRED INPUTS:
    what apply.{name}.input and apply.{name}.genome name
    results/finetune/{fit}/seed{seed}/model, or what apply.{name}.model or apply.{name}.directory names
OUTPUTS:
    results/apply/{name}/    what people open: tables, bedGraph or arrays, and record.json, what was applied to what

The parts of an application are jobs of their own, in results/apply/.parts until they are joined. The finished blocks of
an unfinished part are in results/apply/.state, so a killed job goes on; they are no declared output, because Snakemake
removes those when a job fails. results/apply/.genomes has the indices of genomes.
"""


rule apply:
    """Everything that the section apply names"""
    input:
        applying.results(),


rule predict:
    """Predict with a fit, or with its seeds as an ensemble, for one part of an input"""
    input:
        models=applying.model_files,
        folders=ancient(applying.model_folders),
        simulated=applying.simulated_inputs,
    output:
        temp("results/apply/.parts/{name}/{part}of{parts}.parquet"),
    wildcard_constraints:
        name=applying.names("predict"),
    log:
        "results/logs/apply/predict/{name}/{part}of{parts}.log",
    benchmark:
        "results/benchmarks/apply/predict/{name}/{part}of{parts}.tsv"
    conda:
        "../envs/apply.yaml"
    threads: settings.finetune.threads
    resources:
        mem_mb=growing(16000),
        runtime=growing(480),
        gpu=settings.finetune.gpus,
    params:
        content=applying.content,
        models=applying.models,
        options=applying.options,
        reading=hooks.untracked(applying.reading),
        interpreter=hooks.untracked(applying.interpreter),
        gpus=hooks.untracked(settings.finetune.gpus),
    shell:
        """
        {params.interpreter:q} -m workflow_scripts.apply.predict --gpus {params.gpus:q} \
            --model {params.models:q} {params.reading:q} --index results/apply/.genomes {params.options:q} \
            --part {wildcards.part:q}/{wildcards.parts:q} --state results/apply/.state/{wildcards.name:q} \
            --out {output:q} \
            >{log:q} 2>&1
        """


rule write_predictions:
    """Join the parts of an application into its tables, and a bedGraph of intervals"""
    input:
        parts=applying.parts,
        simulated=applying.simulated_inputs,
    output:
        directory("results/apply/{name}"),
    wildcard_constraints:
        name=applying.names("predict"),
    log:
        "results/logs/apply/write_predictions/{name}.log",
    benchmark:
        "results/benchmarks/apply/write_predictions/{name}.tsv"
    conda:
        "../envs/apply.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        code=code("apply/write_predictions.py"),
        content=applying.content,
        reading=hooks.untracked(applying.reading),
    shell:
        """
        python -m workflow_scripts.apply.write_predictions --parts {input.parts:q} \
            {params.reading:q} --index results/apply/.genomes --out {output:q} \
            >{log:q} 2>&1
        """
