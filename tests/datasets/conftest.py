"""What tests of loaders share: small layouts, and files that are damaged."""

import numpy as np
import pytest

from nearid.errors import InputError


@pytest.fixture
def expecting(monkeypatch):
    """Let a loader expect another layout: the files in full are too large for tests."""

    def expect(loader, layout):
        monkeypatch.setitem(loader.__globals__, "LAYOUT", layout)

    return expect


@pytest.fixture
def refusals():
    """Count the changed bytes of a file that are refused, in one line that names it.

    Every cut must be refused, and nothing but InputError may be raised; what is read despite a
    changed byte is not judged.
    """

    def count(path, load, flips):
        content = path.read_bytes()

        def refused(damaged):
            path.write_bytes(damaged)
            try:
                load()
            except InputError as error:
                return str(error)
            return None

        cuts = [content[:k] for k in range(0, len(content), max(len(content) // 40, 1))]
        refused_cuts = [refused(cut) for cut in cuts]
        refused_flips = [
            refused(content[:k] + bytes([content[k] ^ 0xFF]) + content[k + 1 :]) for k in flips
        ]
        path.write_bytes(content)
        said = [message for message in refused_cuts + refused_flips if message is not None]
        assert all(path.name in message and "\n" not in message for message in said)
        assert None not in refused_cuts
        return len(said) - len(cuts)

    return count


@pytest.fixture
def rng():
    """A generator with a fixed seed."""
    return np.random.default_rng(0)
