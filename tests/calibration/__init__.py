"""Whether intervals cover, verdicts are rarely false, and p-values uniform: by simulation.

``python -m tests.calibration --simulations 500`` runs everything, and writes ``docs/calibration``;
the tests run a slice of it.
"""
