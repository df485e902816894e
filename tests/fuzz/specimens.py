"""Small valid files of every format, and hostile ones that are made for harm."""

import gzip
import io
import json
import struct
import zipfile

import numpy as np

from nearid.io import Table, write, write_safetensors

N, D = 9, 3
#: What a file that is nothing but zeros unpacks to: more than a reader may take for it.
BOMB = 2**27


def numbers(dtype="f4"):
    """Return a small table of numbers."""
    return np.random.default_rng(0).normal(size=(N, D)).astype(dtype)


def table(dtype="f4"):
    """Return a table with everything that formats can hold."""
    words = np.array(["ä", "b,c", 'd"e', "f", "g", "h", "007", "", "i"])
    return Table(
        numbers(dtype),
        "X_z",
        ids=np.array([f"cell {i}" for i in range(N)]),
        metadata={"Metadata_batch": words, "Metadata_label": np.arange(N) * 3},
        columns=("first", "second one", "third"),
    )


def packed(name, raw):
    """Return a zip archive with one packed member."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), raw, zipfile.ZIP_DEFLATED, 1)
    return out.getvalue()


def npy_bytes(array):
    """Return an array as an ``.npy`` file."""
    out = io.BytesIO()
    np.lib.format.write_array(out, array, allow_pickle=False)
    return out.getvalue()


def npy_claim(shape, descr="<f4"):
    """Return the head of an ``.npy`` that promises a shape, and a few numbers."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + bytes(64)


def npy(folder):
    """Arrays in both orders of memory and of bytes; heads that promise too much."""
    np.save(folder / "c.npy", numbers())
    np.save(folder / "f.npy", np.asfortranarray(numbers(">f8")))
    np.save(folder / "i.npy", np.arange(12, dtype="i2").reshape(4, 3))
    (folder / "hostile_rows.npy").write_bytes(npy_claim((2**60, 3)))
    (folder / "hostile_over.npy").write_bytes(npy_claim((2**62, 2**62)))
    (folder / "hostile_zero.npy").write_bytes(npy_claim((0, 2**62)))
    (folder / "hostile_deep.npy").write_bytes(npy_claim("(" * 90 + "1" + ",)" * 90))


def npz(folder):
    """Archives, stored and packed; bombs, doubled names, names that leave the folder."""
    write(folder / "stored.npz", table())
    np.savez_compressed(folder / "packed.npz", a=numbers(), b=numbers("f8"), ids=np.arange(N))
    zeros = npy_bytes(np.zeros((BOMB // 4, 1), "f4"))
    (folder / "hostile_bomb.npz").write_bytes(packed("a.npy", zeros))
    (folder / "hostile_claim.npz").write_bytes(packed("a.npy", npy_claim((2**60, 3))))
    (folder / "hostile_path.npz").write_bytes(packed("../../outside.npy", npy_bytes(numbers())))


def safetensors(folder):
    """Tensors; overlapping ones, and a header that is deep."""
    write(folder / "table.safetensors", table())
    write_safetensors(folder / "two.safetensors", {"a": numbers("f2"), "b": numbers("f8")})
    entry = {"dtype": "F32", "shape": [2, 2]}
    overlap = {"a": {**entry, "data_offsets": [0, 16]}, "b": {**entry, "data_offsets": [8, 24]}}
    huge = {"a": {**entry, "shape": [2**31, 2**31], "data_offsets": [0, 2**64]}}
    for name, header in (("overlap", overlap), ("huge", huge)):
        text = json.dumps(header).encode()
        raw = len(text).to_bytes(8, "little") + text + bytes(24)
        (folder / f"hostile_{name}.safetensors").write_bytes(raw)
    deep = b"[" * 50_000
    raw = len(deep).to_bytes(8, "little") + deep
    (folder / "hostile_deep.safetensors").write_bytes(raw)


def parquet(folder):
    """Files of several packings and row groups; one whose rows are all one number."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    write(folder / "table.parquet", table())
    frame = pa.table({"a": numbers()[:, 0], "b": np.arange(N), "Metadata_x": ["p", "q", "r"] * 3})
    for packing in ("none", "gzip", "zstd"):
        pq.write_table(frame, folder / f"{packing}.parquet", row_group_size=4, compression=packing)
    zeros = pa.table({name: np.zeros(BOMB // 32, "f4") for name in "abcdefgh"})
    pq.write_table(zeros, folder / "hostile_zeros.parquet", row_group_size=BOMB // 32)
    words = pa.array(["x" * 2**20] * 300).dictionary_encode()
    large = pa.table({"a": np.zeros(300), "Metadata_words": words})
    pq.write_table(large, folder / "hostile_dictionary.parquet", compression="zstd")


def csv(folder):
    """Text with quotes, zeros in front, and missing numbers."""
    write(folder / "table.csv", table())
    (folder / "plain.csv").write_text("a,b\n1,2.5\n,nan\n-3e5,NA\n")
    (folder / "hostile_wide.csv").write_text(",".join(map(str, range(9_000))) + "\n1\n")


def tsv(folder):
    """The same with tabulators."""
    write(folder / "table.tsv", table())


def csv_gz(folder):
    """Packed text; a bomb of one column, and one that is all header."""
    write(folder / "table.csv.gz", table())
    (folder / "hostile_rows.csv.gz").write_bytes(gzip.compress(b"a\n" + b"0\n" * 2**25, 1))
    (folder / "hostile_header.csv.gz").write_bytes(gzip.compress(b"a" * 2**26, 1))


def h5ad(folder):
    """An AnnData with a matrix, a sparse one, and a frame of codes."""
    import anndata
    import pandas as pd
    import scipy.sparse

    held = table()
    obs = pd.DataFrame({"batch": pd.Categorical(list("aabbccdde")), "n": np.arange(N)})
    obs.index = pd.Index(held.ids)
    adata = anndata.AnnData(X=scipy.sparse.csr_matrix(np.eye(N, 5, dtype="f4")), obs=obs)
    adata.obsm["X_z"] = np.asarray(held.values)
    adata.write_h5ad(folder / "one.h5ad")
    adata.write_h5ad(folder / "packed.h5ad", compression="gzip")


def zarr(folder):
    """A group with ids and names, and an array alone, of both versions of the format."""
    import zarr as library

    held = table()
    group = library.open_group(folder / "group.zarr", mode="w")
    group.create_array("X_z", data=held.values, chunks=(4, 3))
    group.create_array("label", data=np.arange(N))
    old = library.open_array(
        folder / "old.zarr", mode="w", shape=(N, D), chunks=(4, 2), dtype="f4", zarr_format=2
    )
    old[:] = held.values
    library.create_array(
        folder / "hostile_claim.zarr", shape=(2**50, 3), chunks=(2**20, 3), dtype="f4"
    )
    library.create_array(
        folder / "hostile_chunk.zarr", shape=(2**30, 1), chunks=(2**30, 1), dtype="f4"
    )


def ica(folder):
    """A fitted ICA, with names of features."""
    import pandas as pd

    from nearid.ica import LatentICA
    from nearid.ica.saved import save

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.laplace(size=(300, 3)) @ rng.normal(size=(3, 3)), columns=list("abc"))
    save(LatentICA(random_state=0).fit(frame), folder / "ica.safetensors")


#: What a pass is kept under.
KEY = ("sums", "x", 3)


def passes(folder):
    """A folder with one pass that was kept."""
    from nearid.ica.checkpoint import recalled

    (folder / "kept").mkdir()
    recalled(str(folder / "kept"), KEY, lambda: (np.eye(3), np.arange(3.0)))


def checkpoint(folder):
    """A folder with the state of a training."""
    from nearid.models.checkpoint import Checkpoint, write_checkpoint

    (folder / "run").mkdir()
    state = Checkpoint(2, "0123", {"w": numbers()}, {"0/step": np.ones(1)}, np.ones(2, "f4"))
    write_checkpoint(folder / "run", state)


def idx(folder):
    """Images of digits, packed and not; a bomb."""
    raw = bytes([0, 0, 8, 3]) + struct.pack(">3I", 2, 4, 4) + bytes(range(32))
    (folder / "images-idx3-ubyte").write_bytes(raw)
    (folder / "packed-idx3-ubyte.gz").write_bytes(gzip.compress(raw, mtime=0))
    head = bytes([0, 0, 8, 1]) + struct.pack(">I", BOMB)
    (folder / "hostile-idx1-ubyte.gz").write_bytes(gzip.compress(head + bytes(BOMB), 1))


def matfile(folder):
    """MATLAB files, packed and not; a bomb."""
    import scipy.io

    images = np.random.default_rng(0).integers(0, 256, size=(4, 5, 3), dtype="u1")
    for name, packing in (("plain", False), ("packed", True)):
        held = {"a": [1.5], "word": "text", "im": images}
        scipy.io.savemat(folder / f"{name}.mat", held, do_compression=packing)
    large = {"large": np.zeros((BOMB // 64, 8), "u1"), "im": images}
    scipy.io.savemat(folder / "hostile_bomb.mat", large, do_compression=True)


def norb(folder):
    """SmallNORB's matrices, packed and not; a bomb."""
    head = np.array([0x1E3D4C55, 2, 4, 6, 1], "<i4").tobytes()
    (folder / "plain.mat").write_bytes(head + bytes(range(24)))
    (folder / "packed.mat.gz").write_bytes(gzip.compress(head + bytes(range(24)), mtime=0))
    head = np.array([0x1E3D4C55, 1, BOMB, 1, 1], "<i4").tobytes()
    (folder / "hostile_bomb.mat.gz").write_bytes(gzip.compress(head + bytes(BOMB), 1))


def archive(folder):
    """Archives of a data set."""
    images = np.arange(96, dtype="u1").reshape(6, 4, 4)
    np.savez(folder / "stored.npz", imgs=images)
    np.savez_compressed(folder / "packed.npz", imgs=images, other=np.eye(2))
    zeros = npy_bytes(np.zeros(BOMB, "u1"))
    (folder / "hostile_bomb.npz").write_bytes(packed("imgs.npy", zeros))


def embedding(folder):
    """A folder of layers, as ``nearid embed`` writes it."""
    import torch

    from nearid.embed import embed

    for name, format in (("run", "npy"), ("chunks", "zarr")):
        try:
            embed(torch.nn.Linear(3, 2), np.ones((4, 3), "f4"), out=folder / name, format=format)
        except ImportError:  # without zarr there are no such folders
            continue
        (folder / name / "output.npy").exists()


def inputs(folder):
    """Arrays for a model."""
    np.save(folder / "x.npy", numbers())
    np.savez(folder / "x.npz", x=numbers(), ids=np.arange(N))
    np.savez_compressed(folder / "packed.npz", x=numbers())
    (folder / "hostile_rows.npy").write_bytes(npy_claim((2**60, 3)))
    zeros = npy_bytes(np.zeros((BOMB // 4, 1), "f4"))
    (folder / "hostile_bomb.npz").write_bytes(packed("a.npy", zeros))


def images(folder):
    """Folders of images of every kind; one that claims to be very large."""
    from PIL import Image

    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, size=(9, 7, 3), dtype="u1"))
    for suffix in ("png", "jpg", "bmp", "gif", "tiff", "webp", "ppm"):
        (folder / suffix).mkdir()
        picture.save(folder / suffix / f"a.{suffix}")
    (folder / "hostile").mkdir()
    Image.new("1", (9400, 9400)).save(folder / "hostile" / "large.png")


def lines(folder):
    """Lines of text, and a column of text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (folder / "lines.txt").write_text("to be\n\nor nöt\r\n to be \n", encoding="utf-8")
    frame = pa.table({"text": ["a", "b c", "ä"] * 3, "n": np.arange(9)})
    pq.write_table(frame, folder / "text.parquet", row_group_size=4)
    large = pa.table({"text": pa.array(["x" * 2**20] * 300).dictionary_encode().cast("string")})
    pq.write_table(large, folder / "hostile.parquet", compression="zstd")


def model(folder):
    """A model in the cache of Hugging Face: references, and a revision."""
    place = folder / "models--x--y"
    (place / "snapshots" / "abc").mkdir(parents=True)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("abc")
    config = {"model_type": "gpt2", "n_layer": 1, "architectures": ["GPT2Model"]}
    (place / "snapshots" / "abc" / "config.json").write_text(json.dumps(config))


def wells(folder):
    """Embeddings of a screen, with the description of its wells beside them."""
    import pandas as pd

    (folder / "screen").mkdir()
    names = [f"w{i}" for i in range(N)]
    frame = pd.DataFrame(numbers()).add_prefix("feature_").assign(well_id=names)
    frame.to_parquet(folder / "screen" / "wells.parquet")
    about = pd.DataFrame(
        {"well_id": names, "experiment_name": "e", "plate": 1, "address": "A1", "treatment": "t"}
    )
    about.to_csv(folder / "screen" / "metadata_rxrx3_core.csv", index=False)


def pairs(folder):
    """Representations of published networks."""
    (folder / "given").mkdir()
    labels = {"label": np.arange(N)}
    np.savez(folder / "given" / "cifar_resnets.npz", resnet20=numbers(), **labels)
    np.savez(folder / "given" / "admet_members.npz", member_0=numbers(), member_1=numbers())
