"""``nearid COMMAND --help``: every text as it was written."""

import pytest
import typer

from nearid.cli import app

COMMANDS = typer.main.get_command(app).commands


@pytest.mark.parametrize("name", COMMANDS)
def test_no_text_is_taken_for_a_picture(run, name):
    """Colons around a word, as in ``MODULE:FACTORY: …``, are an emoji to the terminal's library."""
    shown = run(name, "--help")
    assert shown.exit_code == 0, shown.output
    assert [letter for letter in shown.stdout if ord(letter) > 0xFFFF] == []


def test_a_picture_would_be_seen():
    """The negative control: this is what the terminal's library makes of such a word."""
    from rich.text import Text

    assert ord(max(Text.from_markup("MODULE:factory: weights").plain)) > 0xFFFF
