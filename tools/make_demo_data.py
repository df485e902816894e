"""Cut the bundled demonstration data from the five trainings that they come from.

    python tools/make_demo_data.py ../shared/data/representations/admet_members.npz

A seeded choice of molecules, in half precision, so that the file stays below 4 MB; what is written
is the same to the byte every time.
"""

import argparse
import io
import zipfile
from pathlib import Path

import numpy as np

N_MOLECULES = 1400
TARGET = Path(__file__).parents[1] / "src" / "nearid" / "data" / "admet_members.npz"


def cut(source: Path, target: Path) -> None:
    """Write the chosen molecules' embeddings by all five members."""
    with np.load(source, allow_pickle=False) as archive:
        molecules = archive["molecule"]
        chosen = np.sort(np.random.default_rng(0).permutation(len(molecules))[:N_MOLECULES])
        arrays = {f"member_{i}": archive[f"member_{i}"][chosen].astype("<f2") for i in range(5)}
        arrays["molecule"] = molecules[chosen].astype("<i4")
    with zipfile.ZipFile(target, "w") as out:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
            # A fixed date: the archive depends on the numbers alone.
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            out.writestr(entry, buffer.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("--target", type=Path, default=TARGET)
    arguments = parser.parse_args()
    cut(arguments.source, arguments.target)
