"""Texts as inputs: lines, columns and lists; nothing is cut that was not to be cut."""

import numpy as np
import pandas as pd
import pytest

from nearid.embed import embed, texts
from nearid.errors import InputError


def read(inputs):
    """All texts of inputs."""
    return inputs.strings.read(0, len(inputs))


def test_lines_are_texts_and_empty_ones_are_counted(tmp_path, letters):
    path = tmp_path / "t.txt"
    path.write_bytes("\ufeffé a\r\n\n  \nb \nlast".encode())
    inputs = texts(path, tokenizer=letters)
    assert read(inputs) == ["é a", "b ", "last"]
    assert inputs.ids(0, 3) == ["0", "3", "4"]
    assert inputs.notices == (f"{path}: lines that are empty were left out: 2",)


def test_columns_are_read_by_row_group_with_the_ids_of_the_index(tmp_path, letters):
    frame = pd.DataFrame(
        {"text": list("abcdefg"), "n": range(7)}, index=[f"r{i}" for i in range(7)]
    )
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=2)
    inputs = texts(f"{tmp_path}/t.parquet::text", tokenizer=letters)
    assert inputs.ids(2, 4) == ["r2", "r3"]
    for start in range(7):
        for stop in range(start + 1, 8):
            assert inputs.strings.read(start, stop) == list("abcdefg")[start:stop]
    frame.reset_index(drop=True).to_parquet(tmp_path / "u.parquet")
    assert texts(f"{tmp_path}/u.parquet::text", tokenizer=letters).ids(5, 7) == ["5", "6"]


def test_shorter_texts_are_padded_at_the_end(letters):
    batch = texts(["a", "abc"], tokenizer=letters).batch(0, 2)
    assert batch.named["input_ids"].tolist() == [[1, 0, 0], [1, 2, 3]]
    assert np.array_equal(batch.named["attention_mask"], batch.mask)
    assert batch.mask.tolist() == [[True, False, False], [True] * 3]


@pytest.mark.parametrize("context", [3, 4])
def test_texts_that_do_not_fit_are_refused_before_the_first_is_embedded(letters, context):
    inputs = texts(["ab", "abcd"], tokenizer=letters)
    if context == 4:
        assert len(inputs.within(4).batch(0, 2).mask[0]) == 4
        return
    with pytest.raises(InputError, match="the text 1 has 4 tokens, and the model takes 3"):
        inputs.within(context)


def test_texts_are_cut_where_that_is_asked_and_it_is_said(sequences, letters):
    given = texts(["ab", "abcd"], tokenizer=letters, max_length=3, truncate=True)
    found = embed(sequences, given, pool="tokens")
    assert found.ids.tolist() == ["0#0", "0#1", "1#0", "1#1", "1#2"]
    assert found.notices[0] == "texts of more than 3 tokens are cut there"


def test_the_least_bound_holds(letters):
    class Bounded:
        model_max_length = 5

        def __call__(self, given, **settings):
            return letters(given, **settings)

    inputs = texts(["abcde"], tokenizer=Bounded())
    assert inputs.within(None).max_length == 5
    assert inputs.within(9).max_length == 5
    with pytest.raises(InputError, match="takes 4"):
        inputs.within(4)
    with pytest.raises(InputError, match="takes 2"):
        texts(["abcde"], tokenizer=Bounded(), max_length=2).within(None)


def test_a_text_without_tokens_is_refused(sequences, letters):
    with pytest.raises(InputError, match="the text 1 has no tokens"):
        embed(sequences, texts(["ab", " "], tokenizer=letters))


def test_fingerprint_is_of_texts_and_ids(tmp_path, letters):
    (tmp_path / "t.txt").write_text("a\nb\n")
    digest = texts(["a", "b"], tokenizer=letters).fingerprint()
    assert texts(tmp_path / "t.txt", tokenizer=letters).fingerprint() == digest
    assert texts(["a", "c"], tokenizer=letters).fingerprint() != digest
    assert texts(["ab", ""], tokenizer=letters).fingerprint() != digest


def test_what_is_no_text_is_said(tmp_path, sequences, letters):
    (tmp_path / "latin.txt").write_bytes("é".encode("latin-1"))
    (tmp_path / "blank.txt").write_text("\n\n")
    (tmp_path / "empty.txt").touch()
    (tmp_path / "bad.parquet").write_text("PAR1")
    frame = pd.DataFrame({"text": ["a", None], "n": [1, 2]})
    frame.to_parquet(tmp_path / "t.parquet")
    pd.DataFrame({"text": ["a", "b"]}, index=["i", "i"]).to_parquet(tmp_path / "twice.parquet")
    pd.DataFrame({"text": pd.Series([], dtype="string")}).to_parquet(tmp_path / "none.parquet")
    for name, said in (
        ("latin.txt", "line 0 .* is not UTF-8"),
        ("blank.txt", "no line that is not empty"),
        ("empty.txt", "is empty"),
        ("gone.txt", "does not exist"),
        ("latin.txt::text", "has lines, and no columns"),
        ("t.parquet", "name the column"),
        ("t.parquet::txt", "no column 'txt'; did you mean text"),
        ("t.parquet::n", "holds int64: expected text"),
        ("t.parquet::text", "missing texts"),
        ("twice.parquet::text", "ids must be unique"),
        ("none.parquet::text", "has no rows"),
        ("bad.parquet::text", "cannot be read as a Parquet file"),
    ):
        with pytest.raises(InputError, match=said):
            read(texts(f"{tmp_path}/{name}", tokenizer=letters))
    with pytest.raises(InputError, match="expected texts"):
        texts([1, 2], tokenizer=letters)
    with pytest.raises(InputError, match="max_length is a number"):
        texts(["a"], tokenizer=letters, max_length=0)
    with pytest.raises(InputError, match="there are no inputs"):
        embed(sequences, texts([], tokenizer=letters))


def test_texts_that_come_again_and_again_are_read(tmp_path, letters):
    frame = pd.DataFrame({"t": ["a b", "c", "a b", ""] * 3})
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=5)
    inputs = texts(tmp_path / "t.parquet::t", tokenizer=letters)
    assert inputs.strings.read(0, 12) == frame["t"].tolist()


def test_a_damaged_row_group_is_refused_in_one_line(tmp_path, letters):
    pd.DataFrame({"t": [f"{i} a" for i in range(400)]}).to_parquet(tmp_path / "t.parquet")
    content = bytearray((tmp_path / "t.parquet").read_bytes())
    content[4:60] = bytes(56)
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as a Parquet file") as caught:
        texts(tmp_path / "t.parquet::t", tokenizer=letters).batch(0, 4)
    assert "\n" not in str(caught.value)
