"""``python -m nearid`` is ``nearid``."""

from nearid.cli import main

if __name__ == "__main__":
    main()
