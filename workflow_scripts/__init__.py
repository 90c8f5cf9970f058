"""The programs of the workflow, one package per stage."""
