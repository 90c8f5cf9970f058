"""The intervals or sequences that an entry of gue.custom names, for the check before a run and for the program."""

from workflow_scripts.common.interval_set import IntervalSet, check_room, read_interval_set
from workflow_scripts.common.labelled_fasta import FastaSet, read_fasta_set
from workflow_scripts.settings.custom_datasets import CENTRE, DISTANCE, RATIO, Custom


def read_made_sources(entry: Custom) -> IntervalSet | FastaSet:
    """What the files of an entry with intervals or fasta hold. Raises UserError with what is wrong with them."""
    files, classes = entry.files(), entry.made_negatives == "none"
    if "intervals" not in files:
        fasta = {role.partition(":")[2]: path for role, path in files.items() if role != "genome"}
        return read_fasta_set(fasta, positives=not classes)
    bed, centre = files["intervals"], entry.centre or CENTRE
    found = read_interval_set(bed, files["genome"], entry.width, centre, classes, entry.contigs())
    if entry.made_negatives == "matched":
        distance = DISTANCE if entry.distance is None else entry.distance
        check_room(bed, found, distance, entry.ratio or RATIO, entry.contigs())
    return found
