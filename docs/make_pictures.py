"""Draw the README's picture from the bundled data: python docs/make_pictures.py."""

from importlib.resources import as_file, files
from pathlib import Path

from nearid import io, rows, statistical_identifiability
from nearid.plots import correlations_figure


def main() -> None:
    """Compare the five bundled trainings, and draw two of them before and after ICA."""
    with as_file(files("nearid") / "data" / "admet_members.npz") as bundled:
        runs = [rows.from_table(table) for table in io.read(bundled, id_column="molecule")]
        result = statistical_identifiability(runs, n_components=64, n_jobs=2, random_state=0)
    figure = correlations_figure(result)
    figure.savefig(Path(__file__).parent / "correlations.png", dpi=150)


if __name__ == "__main__":
    main()
