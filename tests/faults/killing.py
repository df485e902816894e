"""Commands that are killed with SIGKILL, and called again.

A parent that has imported everything forks a process for each call. Half of them are killed at a
random time; the others kill themselves at a random one of the moments at which they open a file to
write, rename, make or remove something, which are those that matter.
"""

import contextlib
import importlib
import multiprocessing
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from tests.faults.commands import COMMANDS, run_here, shrink

MOMENTS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree")
#: What the calls say is no output of theirs.
SAID = ("said.out", "said.err")


def tree(path):
    """Return what is in a file, or in all files of a folder; None if there is nothing."""
    if path.is_dir():
        inside = sorted(p for p in path.rglob("*") if p.is_file())
        return {p.relative_to(path).as_posix(): p.read_bytes() for p in inside}
    return path.read_bytes() if path.exists() else None


class Moments:
    """Counts the moments that matter, and ends the process at one of them."""

    def __init__(self, last):
        self.seen, self.last = 0, last

    def __call__(self, event, arguments):
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
        if (writes or event in MOMENTS) and not str(arguments[0]).endswith(SAID):
            self.seen += 1
            if self.seen == self.last:
                os.kill(os.getpid(), signal.SIGKILL)


def child(name, folder, last, learning, pipe):
    """Run a command in a forked process, and report the moments that it had."""
    moments = Moments(last)
    sys.addaudithook(moments)
    status = run_here(COMMANDS[name].arguments, folder)
    pipe.send((status, moments.seen, list(sys.modules) if learning else []))
    pipe.close()
    os._exit(0)  # nothing that the parent registered is to be run here


def call(name, folder, *, last=0, after=None, learning=False):
    """Run a command; return its status and moments, or None if it was killed before it ended."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=child, args=(name, folder, last, learning, theirs))
    process.start()
    theirs.close()
    if after is not None:
        process.join(after)
        process.kill()
    try:
        found = ours.recv()
    except (EOFError, OSError):  # it was killed before it could tell, or while it did
        found = None
    process.join()
    return found


class Trials:
    """The trials of a command: what it leaves when it is not killed, and when it is."""

    def __init__(self, name, place):
        shrink()
        self.name, self.command, self.place = name, COMMANDS[name], Path(place)
        self.whole = self.command.whole
        self.old, self.expected, self.complete, self.moments, self.seconds = self.learn()

    def fresh(self, name):
        """Make a folder with the inputs and old outputs."""
        folder = self.place / name
        folder.mkdir()
        self.command.prepare(folder)
        return folder

    def learn(self):
        """Run the command twice: what it leaves, which must be the same, and how long it takes."""
        folders = [self.fresh("first"), self.fresh("second")]
        old = {name: tree(folders[0] / name) for name in self.whole}
        for folder in folders:
            begun = time.perf_counter()
            status, moments, modules = call(self.name, folder, learning=True)
            seconds = time.perf_counter() - begun
            said = (folder / "said.err").read_text()
            assert status == 0, said
            for module in modules:  # here, once, rather than in every process
                with contextlib.suppress(Exception):
                    importlib.import_module(module)
        left = [{name: tree(folder / name) for name in self.whole} for folder in folders]
        assert left[0] == left[1], f"{self.name} does not leave the same bytes each time"
        assert None not in left[0].values()
        complete = tree(folders[0] / self.command.kept) if self.command.kept else {}
        for folder in folders:
            shutil.rmtree(folder)
        return old, left[0], complete, moments, seconds

    def trial(self, number, rng):
        """Kill a call at a random moment, look, and call again; return what is wrong."""
        folder = self.fresh(f"trial{number}")
        if number % 2:
            found = call(self.name, folder, after=rng.uniform(0, 1.05 * self.seconds))
        else:
            found = call(self.name, folder, last=int(rng.integers(1, self.moments + 1)))
        wrong = self.look(folder, "after the kill")
        again = call(self.name, folder)
        if again is None or again[0] != 0:
            wrong.append(f"again: {again}: {(folder / 'said.err').read_text()[-300:]}")
        wrong += self.look(folder, "at the end", finished=True)
        if not wrong:
            shutil.rmtree(folder)
        return found is None, [f"trial {number}: {what}" for what in wrong]

    def look(self, folder, when, *, finished=False):
        """Return what is neither old nor complete."""
        wrong = []
        for name in self.whole:
            found = tree(folder / name)
            if found != self.expected[name] and (finished or found != self.old[name]):
                wrong.append(f"{name} is neither old nor complete {when}")
        kept = tree(folder / self.command.kept) if self.command.kept else {}
        for name, content in (kept or {}).items():
            if _hidden(name):
                continue  # what a killed process had begun
            if finished and name in self.complete and content != self.complete[name]:
                wrong.append(f"{name} is not what it would have been {when}")
            if not _is_complete(folder / self.command.kept / name):
                wrong.append(f"{name} is a half file {when}")
        if finished:
            parts = [path.name for path in folder.iterdir() if path.name.endswith(".part")]
            wrong += [f"{part} was left {when}" for part in parts]
        return wrong


def _hidden(name):
    return any(part.startswith(".") for part in name.split("/"))


def _is_complete(path):
    from nearid.errors import InputError
    from nearid.io import read_safetensors

    try:
        read_safetensors(path)
    except InputError:
        return False
    return True
