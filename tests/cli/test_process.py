"""The command as a process: what it imports, encodings, closed pipes, signals."""

import os
import subprocess
import sys

import numpy as np
import pytest

NEARID = (sys.executable, "-m", "nearid")
HEAVY = {"matplotlib", "pandas", "pyarrow", "sklearn", "scipy", "numpy", "torch", "jinja2"}


def process(*arguments, code=None, **environment):
    command = (sys.executable, "-c", code) if code else NEARID
    return subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True,
        env={**os.environ, **environment},
        timeout=60,
    )


@pytest.fixture
def pair(members, tmp_path):
    for i in range(2):
        np.save(tmp_path / f"z{i}.npy", members[f"member_{i}"][:200, :5])
    return tmp_path / "z0.npy", tmp_path / "z1.npy"


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom nearid.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as left:\n"
        "    print(left.code, *{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    for arguments in (("--help",), ("compare", "--help"), ("--version",)):
        done = process(*arguments, code=code)
        status, *modules = done.stderr.decode().split()
        assert status == "0"
        assert "nearid" in modules
        assert HEAVY.isdisjoint(modules), HEAVY & set(modules)


@pytest.mark.parametrize(
    "environment",
    [
        {"LANG": "C", "LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1:strict"},
    ],
)
def test_any_locale(pair, environment):
    quick = ("--components", "2", "--bootstrap", "2", "--null", "1")
    done = process("compare", *pair, *quick, **environment)
    assert done.returncode == 0, done.stderr
    assert "ε/chance" in done.stdout.decode("utf-8")
    assert process("compare", "--help", **environment).returncode == 0


def test_name_that_is_no_text(tmp_path):
    done = process("info", os.fsencode(tmp_path).decode() + "/\udcff.npy")
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"does not exist" in done.stderr


def test_reader_that_leaves(pair):
    with subprocess.Popen(
        [*NEARID, "info", *map(str, pair * 50)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 1


def test_interrupt_is_130_and_one_line(pair):
    code = (
        "import os, signal, time, nearid.io\n"
        # a job in the background ignores interruptions
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "nearid.io.read = lambda *_, **__: (os.kill(os.getpid(), signal.SIGINT), time.sleep(9))\n"
        "from nearid.cli import main\nmain()"
    )
    done = process("info", pair[0], code=code)
    assert done.returncode == 130
    assert done.stdout == b""
    assert done.stderr.strip() == b"nearid: interrupted"


def test_debug_shows_where(tmp_path):
    done = process("info", tmp_path / "none.npy", "--debug")
    assert done.returncode == 1
    assert b"Traceback" in done.stderr
    assert b"InputError" in done.stderr
