"""What the rules ask for: inputs, params, resources and groups, one class a stage, over configuration and tables.

Rules hold no logic of their own: they name methods of these classes, which Snakemake calls with the wildcards of a job
(and ``attempt``, counted from 1, for a resource). Nothing here imports a stage or Snakemake.
"""
