"""Tables: what is read from a CSV file, what it is taken for, and what is refused."""

from __future__ import annotations

import codecs

import numpy as np
import pytest

from mintage.data.errors import DataError
from mintage.data.tables import Column, Table, open_table

PEOPLE = "age,job,pay\n39,clerk,10.5\n50,cook,\n38,clerk,-3e2\n"


@pytest.fixture
def saved(tmp_path):
    def save(text: str | bytes, name: str = "a.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return save


def test_kinds_are_decided_from_the_cells(saved):
    table = open_table(saved(PEOPLE))
    age, job, pay = table.columns
    assert table.names == ("age", "job", "pay") and len(table) == 3 and table.name == "a.csv"
    assert age.numeric and age.values.tolist() == [39, 50, 38]
    assert job.categories == ("clerk", "cook") and job.values.tolist() == [0, 1, 0]
    assert pay.missing.tolist() == [False, True, False] and pay.values[2] == -300
    assert any("age" in note and "categorical" in note for note in table.notes)
    assert any(note == "missing cells: pay 1" for note in table.notes)
    assert not open_table(saved(PEOPLE), categorical=["age"]).column("age").numeric


@pytest.mark.parametrize("mark", ["", "?", "NA", "n/a", "NaN", "null", "  "])
def test_missing_cells(saved, mark):
    table = open_table(saved(f"a,b\n1,x\n{mark},{mark}\n3,y\n"))
    assert np.isnan(table.column("a").values[1]) and table.column("b").values.tolist() == [0, -1, 1]


@pytest.mark.parametrize("text", [
    PEOPLE.replace(",", ";"), PEOPLE.replace(",", "\t"), PEOPLE.replace(",", ", "), PEOPLE.replace("\n", "\r\n"),
    codecs.BOM_UTF8 + PEOPLE.encode(), PEOPLE.encode("utf-16"), PEOPLE.replace("clerk", '"clerk"'),
    PEOPLE.replace(",", ";").replace("10.5", "10,5"), PEOPLE + "\n\n",
], ids=["semicolon", "tab", "spaces", "crlf", "bom", "utf16", "quotes", "decimal comma", "blank lines"])
def test_the_same_table_in_other_clothes(saved, text):
    assert open_table(saved(text)).fingerprint == open_table(saved(PEOPLE, "b.csv")).fingerprint


def test_quotes_hold_delimiters_and_line_ends(saved):
    table = open_table(saved('a,b\n1,"x, y"\n2,"two\nlines"\n'))
    assert table.column("b").categories == ("two\nlines", "x, y")


def test_codes_stay_words_and_identifiers_are_left_out(saved):
    assert open_table(saved("zip,x\n01234,1\n11234,2\n")).column("zip").categories == ("01234", "11234")
    assert open_table(saved("id,x\n12345678901234567890,1\n5,2\n")).column("id").categories is not None
    rows = "".join(f"person {k},{k}\n" for k in range(1001))
    table = open_table(saved("who,x\n" + rows))
    assert table.names == ("x",) and "1,001 different words" in table.notes[0]
    with pytest.raises(DataError, match="no column that can be compared"):
        open_table(saved("who\n" + "".join(f"person {k}\n" for k in range(1001))))


def test_row_numbers_that_another_program_wrote_are_left_out(saved):
    assert open_table(saved(",a\n0,5\n1,7\n")).names == ("a",)


@pytest.mark.parametrize(("text", "said"), [
    ("", "empty"),
    ("a,b\n", "no rows"),
    ("a,b\n1,2\n3\n", r"row 3 of .* 1 cells and the header 2"),
    ("a,a\n1,2\n", "two columns named 'a'"),
    ("a,\n1,2\n", "column 2 .* no name"),
    (",b\n5,2\n", "column 1 .* no name"),
    ("1,2\n3,4\n", "no header"),
    ("39,clerk\n50,cook\n38,clerk\n", "no header"),
    ("a,b\n1,\n2,NaN\n", "column 'b' .* no values"),
    ("a,b\n1,inf\n2,3\n", "infinite value, 'inf', in row 2"),
    ("a,b\n1,1e999\n2,3\n", "infinite value, '1e999', in row 2"),
    ('a,b\n1,"x\n2,3\n', "never closed"),
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not text"),
    (b"a,b\n1,\0\n", "binary"),
    ("größe,b\n1,2\n".encode("latin-1"), "UTF-8"),
])
def test_what_is_no_table_is_refused_in_a_sentence(saved, text, said):
    with pytest.raises(DataError, match=said) as refused:
        open_table(saved(text))
    assert "\n" not in str(refused.value)


def test_years_may_be_names(saved):
    assert open_table(saved("place,2019,2020\nhere,1.5,2\nthere,3,4\n")).names == ("place", "2019", "2020")


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        open_table(tmp_path / "none.csv")


def test_another_table_is_read_like_the_first(saved):
    first = open_table(saved(PEOPLE))
    table = open_table(saved("pay,job,age,more\n1,clerk,7,0\n?,smith,8.5,0\n4,,9,0\n", "b.csv"), like=first)
    assert table.names == first.names and table.column("age").values.tolist() == [7, 8.5, 9]
    assert table.column("job").values.tolist() == [0, 2, -1]  # clerk, other, missing
    assert any("passed over: more" in note for note in table.notes)
    assert any(note.startswith("job: 1 cells") and "smith" in note for note in table.notes)


@pytest.mark.parametrize(("text", "said"), [
    ("agee,job,pay\n1,clerk,2\n", "no column 'age', which a.csv has; did you mean 'agee'"),
    ("age,job,pay\n1,clerk,2\nold,clerk,2\n", "'age' .* holds a word, 'old', in row 3"),
    ("age,job,pay\n,clerk,2\n,clerk,2\n", "'age' .* no values"),
    ("age,job,pay\n1,?,2\n2,?,2\n", "'job' .* no values"),
])
def test_what_is_not_like_the_first_is_refused(saved, text, said):
    first = open_table(saved(PEOPLE))
    with pytest.raises(DataError, match=said):
        open_table(saved(text, "b.csv"), like=first)


def test_a_misspelt_column_is_found(saved):
    with pytest.raises(DataError, match="did you mean 'job'"):
        open_table(saved(PEOPLE)).column("jop")
    with pytest.raises(DataError, match="did you mean 'age'"):
        open_table(saved(PEOPLE), categorical=["ages"])


def test_equal_rows_have_equal_digests_in_any_file(saved):
    first = open_table(saved("a,b\n1,x\n2,y\n1,x\n-0,z\n"))
    second = open_table(saved("a,b\n1.0,x\n0,z\n", "b.csv"))  # other categories, so other codes
    assert (first.digests[0] == first.digests[2]).all() and (first.digests[0] != first.digests[1]).any()
    assert (second.digests == first.digests[[0, 3]]).all()
    assert first.fingerprint != second.fingerprint


def test_a_split_is_by_content():
    x = np.arange(4000) % 1000
    table = Table("t", (Column("x", x.astype(float)), Column("k", x % 7, tuple("abcdefg"))))
    train, out = table.split(0.2)
    assert len(train) + len(out) == 4000 and 0.15 < len(out) / 4000 < 0.25 and out.name == "t, held out"
    assert not set(train.column("x").values) & set(out.column("x").values)
    again = table.take(np.arange(4000)[::-1]).split(0.2)[1]
    assert set(again.column("x").values) == set(out.column("x").values)
    with pytest.raises(DataError, match="between 0 and 1"):
        table.split(1.0)
    with pytest.raises(DataError, match="none of which differ"):
        table.take([0, 0]).split(0.5)
    assert [len(side) for side in table.take([0, 1]).split(1e-9)] == [1, 1]


def test_adult(shared_data):
    table = open_table(shared_data / "tabular" / "adult.csv")
    assert len(table) == 32561 and sum(column.numeric for column in table.columns) == 6
    assert int(table.column("workclass").missing.sum()) == 1836
    assert table.column("income").categories == ("<=50K", ">50K")
    train, out = table.split(0.25)
    assert abs(len(out) / 32561 - 0.25) < 0.01 and not set(map(bytes, train.digests)) & set(map(bytes, out.digests))
