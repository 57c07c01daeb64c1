"""Evidence: declared runs, the rows that they leave, tables out of the rows.

``runs.yaml`` declares, ``run.py`` runs and appends a row for each result,
``table.py`` writes tables and pictures into the pages. Nothing here is part
of the installed package.
"""
