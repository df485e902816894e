"""Where rows may come from, beside arrays and files: ONE FILE PER KIND OF SOURCE.

A source has ``shape``, ``dtype`` and NumPy indexing of its first axis. One whose rows can only be
read in ascending order says ``sequential = True``.
"""
