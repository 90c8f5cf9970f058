"""
Use of models: predictions, embeddings and explanations of the user's sequences and intervals, and scores of variants.

REQUIRED INPUTS:
    what apply.{name}.input, genome and matrices name
    results/finetune/{fit}/seed{seed}/model, or what apply.{name}.model or apply.{name}.directory names
OUTPUTS:
    results/apply/{name}/    what people open: tables, bedGraph, arrays, VCF or pictures; record.json says what was
                             applied to what

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
    log:
        "results/logs/apply/predict/{name}/{part}of{parts}.log",
    benchmark:
        "results/benchmarks/apply/predict/{name}/{part}of{parts}.tsv"
    wildcard_constraints:
        name=applying.names("predict"),
    conda:
        "../envs/apply.yaml"
    threads: settings.finetune.threads
    resources:
        mem_mb=growing(8000),
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
    log:
        "results/logs/apply/write_predictions/{name}.log",
    benchmark:
        "results/benchmarks/apply/write_predictions/{name}.tsv"
    wildcard_constraints:
        name=applying.names("predict"),
    conda:
        "../envs/apply.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        content=applying.content,
        reading=hooks.untracked(applying.reading),
    shell:
        """
        python -m workflow_scripts.apply.write_predictions --parts {input.parts:q} \
            {params.reading:q} --index results/apply/.genomes --out {output:q} \
            >{log:q} 2>&1
        """


rule embed:
    """Vectors of sequences, tokens or bases, for one part of an input"""
    input:
        models=applying.model_files,
        folders=ancient(applying.model_folders),
        simulated=applying.simulated_inputs,
    output:
        temp("results/apply/.parts/{name}/{part}of{parts}.parquet"),
    log:
        "results/logs/apply/embed/{name}/{part}of{parts}.log",
    benchmark:
        "results/benchmarks/apply/embed/{name}/{part}of{parts}.tsv"
    wildcard_constraints:
        name=applying.names("embed"),
    conda:
        "../envs/apply.yaml"
    threads: settings.finetune.threads
    resources:
        mem_mb=growing(8000),
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
        {params.interpreter:q} -m workflow_scripts.apply.embed --gpus {params.gpus:q} \
            --model {params.models:q} {params.reading:q} --index results/apply/.genomes {params.options:q} \
            --part {wildcards.part:q}/{wildcards.parts:q} --state results/apply/.state/{wildcards.name:q} \
            --out {output:q} \
            >{log:q} 2>&1
        """


rule write_embeddings:
    """Join the parts of an application into arrays with an index"""
    input:
        parts=applying.parts,
        simulated=applying.simulated_inputs,
    output:
        directory("results/apply/{name}"),
    log:
        "results/logs/apply/write_embeddings/{name}.log",
    benchmark:
        "results/benchmarks/apply/write_embeddings/{name}.tsv"
    wildcard_constraints:
        name=applying.names("embed"),
    conda:
        "../envs/apply.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        content=applying.content,
        formats=applying.formats,
        reading=hooks.untracked(applying.reading),
    shell:
        """
        python -m workflow_scripts.apply.write_embeddings --parts {input.parts:q} \
            {params.reading:q} --index results/apply/.genomes --formats {params.formats:q} --out {output:q} \
            >{log:q} 2>&1
        """


rule score_variants:
    """Scores of variants, for one part of an input"""
    input:
        models=applying.model_files,
        folders=ancient(applying.model_folders),
        simulated=applying.simulated_inputs,
    output:
        temp("results/apply/.parts/{name}/{part}of{parts}.parquet"),
    log:
        "results/logs/apply/score_variants/{name}/{part}of{parts}.log",
    benchmark:
        "results/benchmarks/apply/score_variants/{name}/{part}of{parts}.tsv"
    wildcard_constraints:
        name=applying.names("variants"),
    conda:
        "../envs/apply.yaml"
    threads: settings.finetune.threads
    resources:
        mem_mb=growing(8000),
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
        {params.interpreter:q} -m workflow_scripts.apply.score_variants --gpus {params.gpus:q} \
            --model {params.models:q} {params.reading:q} --index results/apply/.genomes {params.options:q} \
            --part {wildcards.part:q}/{wildcards.parts:q} --state results/apply/.state/{wildcards.name:q} \
            --out {output:q} \
            >{log:q} 2>&1
        """


rule write_variants:
    """Join the parts of an application into an annotated VCF and its tables"""
    input:
        parts=applying.parts,
        simulated=applying.simulated_inputs,
    output:
        directory("results/apply/{name}"),
    log:
        "results/logs/apply/write_variants/{name}.log",
    benchmark:
        "results/benchmarks/apply/write_variants/{name}.tsv"
    wildcard_constraints:
        name=applying.names("variants"),
    conda:
        "../envs/apply.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        content=applying.content,
        labels=applying.labels,
        input=hooks.untracked(applying.input_file),
    shell:
        """
        python -m workflow_scripts.apply.write_variants --parts {input.parts:q} \
            --input {params.input:q} {params.labels:q} --out {output:q} \
            >{log:q} 2>&1
        """


rule explain_sequences:
    """What each base does to the predictions of a fit, for one part of an input"""
    input:
        models=applying.model_files,
        folders=ancient(applying.model_folders),
        simulated=applying.simulated_inputs,
    output:
        temp("results/apply/.parts/{name}/{part}of{parts}.parquet"),
    log:
        "results/logs/apply/explain_sequences/{name}/{part}of{parts}.log",
    benchmark:
        "results/benchmarks/apply/explain_sequences/{name}/{part}of{parts}.tsv"
    wildcard_constraints:
        name=applying.names("explain", "motifs"),
    conda:
        "../envs/apply.yaml"
    threads: settings.finetune.threads
    resources:
        mem_mb=growing(8000),
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
        {params.interpreter:q} -m workflow_scripts.apply.explain_sequences --gpus {params.gpus:q} \
            --model {params.models:q} {params.reading:q} --index results/apply/.genomes {params.options:q} \
            --part {wildcards.part:q}/{wildcards.parts:q} --state results/apply/.state/{wildcards.name:q} \
            --out {output:q} \
            >{log:q} 2>&1
        """


rule write_explanations:
    """Join the parts of an application into tables and pictures"""
    input:
        parts=applying.parts,
        simulated=applying.simulated_inputs,
    output:
        directory("results/apply/{name}"),
    log:
        "results/logs/apply/write_explanations/{name}.log",
    benchmark:
        "results/benchmarks/apply/write_explanations/{name}.tsv"
    wildcard_constraints:
        name=applying.names("explain"),
    conda:
        "../envs/apply.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        content=applying.content,
        pictures=applying.pictures,
        reading=hooks.untracked(applying.reading),
    shell:
        """
        python -m workflow_scripts.apply.write_explanations --parts {input.parts:q} \
            {params.reading:q} --index results/apply/.genomes --pictures {params.pictures:q} --out {output:q} \
            >{log:q} 2>&1
        """


rule find_motifs:
    """Tokens and motifs that carry the predictions, against shuffled sequences"""
    input:
        parts=applying.parts,
        simulated=applying.simulated_inputs,
    output:
        directory("results/apply/{name}"),
    log:
        "results/logs/apply/find_motifs/{name}.log",
    benchmark:
        "results/benchmarks/apply/find_motifs/{name}.tsv"
    wildcard_constraints:
        name=applying.names("motifs"),
    conda:
        "../envs/apply.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        content=applying.content,
        matrices=hooks.untracked(applying.matrices),
    shell:
        """
        python -m workflow_scripts.apply.find_motifs --parts {input.parts:q} \
            {params.matrices:q} --out {output:q} \
            >{log:q} 2>&1
        """
