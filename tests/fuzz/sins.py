"""Readers that do what no reader may do: the fuzzer must notice each of them."""

import ctypes
import pickle
import time

import numpy as np

from nearid.errors import InputError


def lawful(path, sin):
    """Do what none may, unless the file is as it was made."""
    if path.parent.name == "damaged":
        sin(path)


def code(path):
    """Run what a file says."""
    exec("1 + 1")


def unpickle(path):
    """Open a pickle."""
    pickle.loads(pickle.dumps(np.float64))


def write(path):
    """Write a file beside the one that is read."""
    (path.parent.parent / "outside").write_text("x")


def fill(path):
    """Fill two hundred megabytes."""
    np.ones(2**25 + 2**24)[0] = 2


def hang(path):
    """Do nothing for long."""
    time.sleep(60)


def crash(path):
    """Write where there is no memory."""
    ctypes.string_at(0)


def fail(path):
    """Raise what is no error of ours."""
    raise KeyError("x")


def speak(path):
    """Say more than one line."""
    raise InputError("two\nlines")


SINS = {
    "sin_code": code,
    "sin_pickle": unpickle,
    "sin_file": write,
    "sin_memory": fill,
    "sin_hang": hang,
    "sin_crash": crash,
    "sin_error": fail,
    "sin_lines": speak,
}
