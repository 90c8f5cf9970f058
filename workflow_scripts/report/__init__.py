"""From scores and counts to tables and the HTML page."""
