"""The rows that any layer of any model makes of inputs.

Models: ``torch`` modules, folders of Hugging Face or timm models, ``.onnx`` files. Inputs: arrays,
folders of images, lines of text. Adding a kind of either is one file, and a line in
:mod:`nearid.embed.sources` or below.
"""

from nearid.embed.arrays import arrays
from nearid.embed.embed import embed
from nearid.embed.images import images
from nearid.embed.result import Embedding, open_embedding
from nearid.embed.texts import texts

__all__ = ["Embedding", "arrays", "embed", "images", "open_embedding", "texts"]
