"""The claims of the paper, each as an experiment that can be run again at several sizes."""

from nearid.experiments.pairs import Warmup
from nearid.experiments.warmup import teacher_warmup
from nearid.experiments.warmup_images import image_warmup

__all__ = ["Warmup", "image_warmup", "teacher_warmup"]
