"""The claims of the paper, each as an experiment that can be run again at several sizes."""

from nearid.experiments.pairs import Warmup
from nearid.experiments.warmup import teacher_warmup

__all__ = ["Warmup", "teacher_warmup"]
