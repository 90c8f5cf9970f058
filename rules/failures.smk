"""
When a job fails: its own last words in a line, at once and again at the end, in place of its whole command.
"""

from workflow_scripts.common.failures import Failures, is_command

FAILURES = Failures()
for handler in logger.handlers:
    handler.addFilter(lambda record: not is_command(record))
logger.addHandler(FAILURES)


onerror:
    FAILURES.tell()
