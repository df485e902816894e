"""Every reader of files that users give: valid files, how they are damaged, how they are read.

Adding a reader is one function that makes its files and one line in ``SUBJECTS``.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import numpy as np

from tests.fuzz import mutations as by
from tests.fuzz import specimens
from tests.fuzz.sins import SINS, lawful


@dataclass(frozen=True)
class Subject:
    """A reader.

    Parameters
    ----------
    make : callable
        Fills a folder with valid files or folders of the format; those whose names begin with
        ``hostile`` need not be read.
    read : callable
        Reads a path to the last number.
    damage : callable or mapping of str to callable
        Of content and generator; by the ends of files' names where a folder has several kinds.
    needs : tuple of str
        Modules without which there is no such reader.
    one_of : int
        Of ``all`` formats, this one is read so many times less often: it starts a process per file.
    """

    make: Callable
    read: Callable
    damage: object
    needs: tuple = ()
    one_of: int = 1

    def damaged(self, bases, number, folder, rng):
        """Make the damaged file of a number; the first of them are the bases as they are."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        base = bases[number] if number < len(bases) else _chosen(bases, rng)
        target = folder / base.name
        (shutil.copytree if base.is_dir() else shutil.copyfile)(base, target)
        if number >= len(bases):
            files = [target] if target.is_file() else sorted(_files(target))
            changed = files[int(rng.integers(len(files)))]
            # what a hostile file unpacks to is not unpacked here
            rule = by.damage if "hostile" in str(target) else self._rule(changed)
            changed.write_bytes(rule(changed.read_bytes(), rng))
        return target

    def _rule(self, path):
        if callable(self.damage):
            return self.damage
        rules = (rule for end, rule in self.damage.items() if path.name.endswith(end))
        return next(rules, by.damage)


def _chosen(bases, rng):
    """Return one of the valid files, or now and then of those that are hostile as they are."""
    hostile = [base for base in bases if base.name.startswith("hostile")]
    valid = [base for base in bases if base not in hostile]
    of = hostile if hostile and rng.random() < 0.05 else valid
    return of[int(rng.integers(len(of)))]


def _files(folder):
    return [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size]


def read_table(path):
    """Read a table by the public reader, and all of its numbers, in and out of order."""
    from nearid import io

    for table in io.read(path):
        values = np.asarray(table.values[:])
        if len(values):
            np.asarray(table.values[np.array([len(values) - 1, 0])])
        if table.columns and len(values) % 4 == 1:  # now and then: it costs as much again
            io.read(path, features=table.columns[0].replace("[", "?").replace(",", "?"))


def read_ica(path):
    """Read a fitted ICA, and use it."""
    import pandas as pd

    from nearid.ica.saved import load

    ica = load(path)
    names = getattr(ica, "feature_names_in_", None)
    with np.errstate(all="ignore"):  # damaged numbers are numbers: they may be huge
        ica.transform(pd.DataFrame(np.zeros((2, len(ica.mean_))), columns=names))
    ica.get_feature_names_out()
    repr(ica)


def read_checkpoint(path):
    """Read the state of a training."""
    from nearid.models.checkpoint import read_checkpoint as read

    read(path, "0123")


def read_pass(path):
    """Read a pass that was kept."""
    from nearid.ica.checkpoint import recalled

    recalled(str(path), specimens.KEY, lambda: ())


def read_idx(path):
    """Read images of digits."""
    from nearid.datasets.mnist import read_idx as read

    read(path)


def read_mat(path):
    """Read a MATLAB file."""
    from nearid.datasets.matfile import read_bytes_array

    read_bytes_array(path, "im", (4, 5, 3))


def read_norb(path):
    """Read SmallNORB's own format."""
    from nearid.datasets.smallnorb import read_norb as read

    np.array(read(path))


def read_archive(path):
    """Read an archive of a data set."""
    from nearid.datasets.archives import find_member, load_member

    member = find_member(path, "imgs")
    member.check(shape=(6, 4, 4), kinds="u", itemsize=1)
    np.array(load_member(member))


def read_embedding(path):
    """Read a folder of layers."""
    from nearid.embed.result import open_embedding

    found = open_embedding(path)
    for name in found.layers:
        rows = found.rows(name)
        rows.read(0, len(rows))


def read_images(path):
    """Read the images of a folder."""
    from nearid.embed.images import images

    inputs = images(path, size=8)
    inputs.batch(0, len(inputs))
    inputs.fingerprint()


def read_strings(path):
    """Read the lines of a text, or a column of a Parquet file."""
    from nearid.embed.lines import digest, open_strings

    digest(open_strings(f"{path}::text" if path.suffix == ".parquet" else path))


def read_inputs(path):
    """Read an array that is given to a model."""
    from nearid.embed.arrays import arrays

    inputs = arrays(path)
    inputs.fingerprint()
    inputs.batch(0, len(inputs))


def read_model(path):
    """Read the configuration of a model and which revisions there are."""
    from nearid.embed.folder import _config, revision_folder

    _config(revision_folder(path, "main"))


def read_wells(path):
    """Read embeddings of a real screen."""
    from nearid.experiments.microscopy_given import load_embeddings

    load_embeddings(path / "wells.parquet")


def read_pairs(path):
    """Read representations of published networks."""
    from nearid.experiments.model_pairs_given import admet_members, cifar_resnets

    admet_members(path)
    cifar_resnets(path)


NPY = {".npy": by.damage_npy}
SUBJECTS = {
    "npy": Subject(specimens.npy, read_table, by.damage_npy),
    "npz": Subject(specimens.npz, read_table, by.damage_zip),
    "safetensors": Subject(specimens.safetensors, read_table, by.damage_safetensors),
    "parquet": Subject(specimens.parquet, read_table, by.damage_footer),
    "csv": Subject(specimens.csv, read_table, by.damage_text),
    "tsv": Subject(specimens.tsv, read_table, by.damage_text),
    "csv.gz": Subject(specimens.csv_gz, read_table, by.damage_gzip),
    "h5ad": Subject(specimens.h5ad, read_table, by.damage, ("anndata",), one_of=10),
    "zarr": Subject(
        specimens.zarr,
        read_table,
        {
            ".json": by.damage_json,
            ".zarray": by.damage_json,
            ".zgroup": by.damage_json,
            ".zattrs": by.damage_json,
            "": by.damage,
        },
        ("zarr",),
    ),
    "ica": Subject(specimens.ica, read_ica, by.damage_safetensors),
    "pass": Subject(specimens.passes, read_pass, by.damage_safetensors),
    "checkpoint": Subject(specimens.checkpoint, read_checkpoint, by.damage_safetensors, ("torch",)),
    "idx": Subject(specimens.idx, read_idx, by.damage_idx),
    "matfile": Subject(specimens.matfile, read_mat, by.damage_mat),
    "norb": Subject(specimens.norb, read_norb, by.damage_idx),
    "archive": Subject(specimens.archive, read_archive, by.damage_zip),
    "embedding": Subject(
        specimens.embedding, read_embedding, {".json": by.damage_json, **NPY}, ("torch",)
    ),
    "inputs": Subject(specimens.inputs, read_inputs, {".npz": by.damage_zip, **NPY}, ("torch",)),
    "images": Subject(specimens.images, read_images, by.damage, ("PIL", "torch")),
    "lines": Subject(
        specimens.lines,
        read_strings,
        {".parquet": by.damage_footer, ".txt": by.damage_text},
        ("torch",),
    ),
    "model": Subject(
        specimens.model, read_model, {".json": by.damage_json, "": by.damage_text}, ("torch",)
    ),
    "wells": Subject(
        specimens.wells,
        read_wells,
        {".parquet": by.damage_footer, ".csv": by.damage_text},
        ("torch",),
    ),
    "pairs": Subject(specimens.pairs, read_pairs, by.damage_zip, ("torch", "transformers")),
}

#: Readers that the fuzzer must find guilty; they are in no list of formats.
GUILTY = {
    name: Subject(specimens.npy, partial(lawful, sin=sin), by.damage_npy)
    for name, sin in SINS.items()
}


def available():
    """Return the readers whose libraries are installed here."""
    return [
        name
        for name, subject in SUBJECTS.items()
        if all(find_spec(module) is not None for module in subject.needs)
    ]
