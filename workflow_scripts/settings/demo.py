"""Section ``demo``: the simulated world that takes the place of real genomes and annotation; only in demo.yaml."""

from workflow_scripts.settings.fields import Count, Section, key


class Demo(Section):
    """The simulated world that takes the place of real genomes and annotation; only in demo.yaml."""

    seed: Count = key(7, "Seed of the simulated genomes and sources, which are written to results/demo.")
