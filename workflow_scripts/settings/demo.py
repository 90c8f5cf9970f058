"""Section ``demo``: the simulated world that takes the place of real genomes and annotation; only in demo.yaml."""

from workflow_scripts.settings.fields import Count, Section, key


class Demo(Section):
    """The simulated world."""

    seed: Count = key()
