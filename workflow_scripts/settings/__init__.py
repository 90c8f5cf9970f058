"""Every key of the configuration, defined once: default, bounds, unit, meaning, the paper's value, source.

One module a section, each with the models of its keys and the checks across them. ``configuration`` joins them. The
JSON schema, ``config/keys.md`` and ``config/config.yaml`` are written from here; rules, scripts and the plan read their
values from here.
"""
