"""
Studies: the claims of the paper, each a question with a verdict, measured on models and fits of this run.

REQUIRED INPUTS:
    results/genomes/chunks/{accession}.parquet, results/genomes/corpus.tsv
    results/tokenizer/{tokenizer}/tokenizer.json, stats.json, tokens/{accession}.npy
    results/pretrain/{model}/..., results/finetune/{model}/full/... of the models that the section studies names
OUTPUTS:
    results/studies/{claim}/result.json    question, setting, comparisons with 95% intervals, verdict and why
    results/studies/{claim}/table.tsv      all figures
    results/studies/tokenization/tokenization.json    every measurement, per tokenizer and vocabulary size
    results/studies/losses/{trained,long}/{model}.parquet    loss on [MASK] places, in windows of the trained length or longer

The claim tokenization is always studied, the others if the section studies has them. In it, BPE goes from 2^8 up to
the largest vocabulary of the configuration, which is trained once and cut; the paper's sweep needs 2^15 = 32,768.
"""


rule studies:
    """Every study of the configuration"""
    input:
        "results/studies/tokenization/result.json",
        studying.results(),


rule study_tokenization:
    """Compare the tokenizers on validation chunks"""
    input:
        tokenizers=expand("results/tokenizer/{tokenizer}/tokenizer.json", tokenizer=settings.tokenizer),
        stats=expand("results/tokenizer/{tokenizer}/stats.json", tokenizer=settings.tokenizer),
        chunks=ancient(expand("results/genomes/chunks/{accession}.parquet", accession=genomes.species)),
        counts=expand("results/genomes/chunks/{accession}.json", accession=genomes.species),
        corpus="results/genomes/corpus.tsv",
    output:
        measurements="results/studies/tokenization/tokenization.json",
        result="results/studies/tokenization/result.json",
        table="results/studies/tokenization/table.tsv",
    log:
        "results/logs/studies/study_tokenization.log",
    benchmark:
        "results/benchmarks/studies/study_tokenization.tsv"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        code=code("studies/study_tokenization.py"),
        seed=settings.seed,
        scale=studying.scale_option(),
        species=hooks.untracked(genomes.table),
        folders=expand("results/tokenizer/{tokenizer}", tokenizer=settings.tokenizer),
    shell:
        """
        export RAYON_NUM_THREADS={threads:q}
        python -m workflow_scripts.studies.study_tokenization \
            --tokenizers {params.folders:q} --chunks results/genomes/chunks --species {params.species:q} \
            --corpus {input.corpus:q} --seed {params.seed:q} {params.scale:q} \
            --measurements {output.measurements:q} --out {output.result:q} --table {output.table:q} \
            >{log:q} 2>&1
        """


rule measure_mask_loss:
    """Measure the loss of a model on [MASK] places of held-out chunks"""
    input:
        model=studying.model_files,
        tokenizer=studying.tokenizer_files,
        tokens=ancient(studying.shard_files(".npy")),
        index=ancient(studying.shard_files(".index.npy")),
        counts=studying.shard_files(".json"),
    output:
        "results/studies/losses/{reading}/{model}.parquet",
    log:
        "results/logs/studies/measure_mask_loss/{reading}/{model}.log",
    benchmark:
        "results/benchmarks/studies/measure_mask_loss/{reading}/{model}.tsv"
    wildcard_constraints:
        reading="trained|long",
    conda:
        "../envs/torch.yaml"
    threads: settings.studies.threads
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
        gpu=settings.studies.gpus,
    params:
        code=code("studies/measure_mask_loss.py"),
        species=hooks.untracked(genomes.table),
        windows=studying.loss_windows,
        chunks=settings.studies.genome_chunks,
        run=studying.mask_run,
        seed=settings.seed,
        gpus=hooks.untracked(settings.studies.gpus),
    shell:
        """
        python -m workflow_scripts.studies.measure_mask_loss --gpus {params.gpus:q} --out {output:q} \
            --model results/pretrain/{wildcards.model:q} --tokenizer "$(dirname {input.tokenizer[0]:q})" \
            --tokens "$(dirname {input.tokens[0]:q})" --species {params.species:q} \
            --windows {params.windows:q} --chunks {params.chunks:q} --run {params.run:q} --seed {params.seed:q} \
            >{log:q} 2>&1
        """


rule study_tokenizers:
    """Compare models that differ in their tokenizer"""
    input:
        losses=studying.losses("tokenizers"),
        fits=studying.fits("tokenizers"),
    output:
        result="results/studies/tokenizers/result.json",
        table="results/studies/tokenizers/table.tsv",
    log:
        "results/logs/studies/study_tokenizers.log",
    benchmark:
        "results/benchmarks/studies/study_tokenizers.tsv"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        code=code("studies/study_tokenizers.py"),
        options=studying.options("tokenizers"),
    shell:
        """
        python -m workflow_scripts.studies.study_tokenizers {params.options:q} \
            --losses results/studies/losses/trained --pretrained results/pretrain --fits results/finetune \
            --out {output.result:q} --table {output.table:q} \
            >{log:q} 2>&1
        """


rule study_sample_efficiency:
    """Compare fits to shares of the training rows"""
    input:
        fits=studying.fits("sample_efficiency"),
    output:
        result="results/studies/sample_efficiency/result.json",
        table="results/studies/sample_efficiency/table.tsv",
    log:
        "results/logs/studies/study_sample_efficiency.log",
    benchmark:
        "results/benchmarks/studies/study_sample_efficiency.tsv"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        code=code("studies/study_sample_efficiency.py"),
        options=studying.options("sample_efficiency"),
    shell:
        """
        python -m workflow_scripts.studies.study_sample_efficiency {params.options:q} \
            --fits results/finetune --out {output.result:q} --table {output.table:q} \
            >{log:q} 2>&1
        """


rule study_strands:
    """Compare the predictions of fits on both strands"""
    input:
        fits=studying.fits("strands"),
        models=studying.fitted_models("strands"),
        rows=ancient(studying.rows("strands", "test")),
        sums=studying.sums("strands"),
    output:
        result="results/studies/strands/result.json",
        table="results/studies/strands/table.tsv",
    log:
        "results/logs/studies/study_strands.log",
    benchmark:
        "results/benchmarks/studies/study_strands.tsv"
    conda:
        "../envs/torch.yaml"
    threads: settings.studies.threads
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
        gpu=settings.studies.gpus,
    params:
        code=code("studies/study_strands.py"),
        options=studying.options("strands"),
        gpus=hooks.untracked(settings.studies.gpus),
    shell:
        """
        python -m workflow_scripts.studies.study_strands {params.options:q} \
            --fits results/finetune --gpus {params.gpus:q} --data results/gue \
            --out {output.result:q} --table {output.table:q} \
            >{log:q} 2>&1
        """


rule study_length:
    """Compare the losses of models in windows of many lengths"""
    input:
        losses=studying.losses("length"),
        fits=studying.fits("length"),
    output:
        result="results/studies/length/result.json",
        table="results/studies/length/table.tsv",
    log:
        "results/logs/studies/study_length.log",
    benchmark:
        "results/benchmarks/studies/study_length.tsv"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        code=code("studies/study_length.py"),
        options=studying.options("length"),
    shell:
        """
        python -m workflow_scripts.studies.study_length {params.options:q} \
            --losses results/studies/losses/long --pretrained results/pretrain --fits results/finetune \
            --out {output.result:q} --table {output.table:q} \
            >{log:q} 2>&1
        """


rule study_corpus:
    """Compare models of many species and of one on new species"""
    input:
        losses=studying.losses("corpus"),
    output:
        result="results/studies/corpus/result.json",
        table="results/studies/corpus/table.tsv",
    log:
        "results/logs/studies/study_corpus.log",
    benchmark:
        "results/benchmarks/studies/study_corpus.tsv"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        code=code("studies/study_corpus.py"),
        options=studying.options("corpus"),
    shell:
        """
        python -m workflow_scripts.studies.study_corpus {params.options:q} \
            --losses results/studies/losses/trained --pretrained results/pretrain --out {output.result:q} \
            --table {output.table:q} >{log:q} 2>&1
        """


rule study_scaling:
    """Compare models by their size and by the tokens of training"""
    input:
        losses=studying.losses("scaling"),
    output:
        result="results/studies/scaling/result.json",
        table="results/studies/scaling/table.tsv",
    log:
        "results/logs/studies/study_scaling.log",
    benchmark:
        "results/benchmarks/studies/study_scaling.tsv"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        code=code("studies/study_scaling.py"),
        options=studying.options("scaling"),
    shell:
        """
        python -m workflow_scripts.studies.study_scaling {params.options:q} \
            --losses results/studies/losses/trained --pretrained results/pretrain \
            --out {output.result:q} --table {output.table:q} \
            >{log:q} 2>&1
        """


rule study_embeddings:
    """Compare regressions on frozen embeddings and on counts of k-mers"""
    input:
        models=studying.pretrained_models("embeddings"),
        rows=ancient(studying.rows("embeddings", "train", "dev", "test")),
        sums=studying.sums("embeddings"),
    output:
        result="results/studies/embeddings/result.json",
        table="results/studies/embeddings/table.tsv",
    log:
        "results/logs/studies/study_embeddings.log",
    benchmark:
        "results/benchmarks/studies/study_embeddings.tsv"
    conda:
        "../envs/torch.yaml"
    threads: settings.studies.threads
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
        gpu=settings.studies.gpus,
    params:
        code=code("studies/study_embeddings.py"),
        options=studying.options("embeddings"),
        gpus=hooks.untracked(settings.studies.gpus),
    shell:
        """
        python -m workflow_scripts.studies.study_embeddings {params.options:q} \
            --models results/pretrain --data results/gue --gpus {params.gpus:q} \
            --out {output.result:q} --table {output.table:q} \
            >{log:q} 2>&1
        """


rule study_attention:
    """Compare the backends of attention that this machine has"""
    output:
        result="results/studies/attention/result.json",
        table="results/studies/attention/table.tsv",
    log:
        "results/logs/studies/study_attention.log",
    benchmark:
        "results/benchmarks/studies/study_attention.tsv"
    conda:
        "../envs/torch.yaml"
    threads: settings.studies.threads
    resources:
        mem_mb=growing(16000),
        runtime=growing(60),
        gpu=settings.studies.gpus,
    params:
        code=code("studies/study_attention.py"),
        options=studying.options("attention"),
        gpus=hooks.untracked(settings.studies.gpus),
    shell:
        """
        python -m workflow_scripts.studies.study_attention \
            {params.options:q} --gpus {params.gpus:q} --out {output.result:q} --table {output.table:q} \
            >{log:q} 2>&1
        """


rule study_variants:
    """Compare zero-shot scores at first and third positions of codons"""
    input:
        **studying.annotated("variants"),
        model=studying.pretrained_models("variants"),
    output:
        result="results/studies/variants/result.json",
        table="results/studies/variants/table.tsv",
    log:
        "results/logs/studies/study_variants.log",
    benchmark:
        "results/benchmarks/studies/study_variants.tsv"
    conda:
        "../envs/torch.yaml"
    threads: settings.studies.threads
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
        gpu=settings.studies.gpus,
    params:
        code=code("studies/study_variants.py"),
        options=studying.options("variants"),
        gpus=hooks.untracked(settings.studies.gpus),
    shell:
        """
        python -m workflow_scripts.studies.study_variants {params.options:q} \
            --models results/pretrain --tokenizer "$(dirname {input.tokenizer[0]:q})" \
            --chunks {input.chunks:q} --regions {input.annotation:q} --gpus {params.gpus:q} \
            --out {output.result:q} --table {output.table:q} \
            >{log:q} 2>&1
        """


rule study_tokens:
    """Look for words of a vocabulary that are enriched in annotated features"""
    input:
        **studying.annotated("tokens"),
    output:
        result="results/studies/tokens/result.json",
        table="results/studies/tokens/table.tsv",
    log:
        "results/logs/studies/study_tokens.log",
    benchmark:
        "results/benchmarks/studies/study_tokens.tsv"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        code=code("studies/study_tokens.py"),
        options=studying.options("tokens"),
    shell:
        """
        python -m workflow_scripts.studies.study_tokens {params.options:q} \
            --tokenizer "$(dirname {input.tokenizer[0]:q})" --chunks {input.chunks:q} --tokens {input.tokens:q} \
            --features {input.annotation:q} \
            --out {output.result:q} --table {output.table:q} \
            >{log:q} 2>&1
        """
