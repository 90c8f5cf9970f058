"""What three rooms or more use: files, tables, errors, progress, downloads."""
