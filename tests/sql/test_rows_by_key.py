"""INSERT, UPDATE and DELETE by key through the shell; what they leave is there for the next process."""

from __future__ import annotations

from pathlib import Path

import pytest

from peers.thalweg import ThalwegServer
from sql import shell

TABLE = """CREATE TABLE stock (place STRING NOT NULL, item INT NOT NULL, pieces INT, price DECIMAL(8, 2),
           PRIMARY KEY (place, item) NOT ENFORCED) WITH ('bucket.num' = '3')"""
ALL = "SELECT place, item, pieces, price FROM stock ORDER BY place, item"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    server = ThalwegServer(tmp_path).start()
    server.stop()
    return server.data_dir


def changed(data: Path, statement: str) -> str:
    done = shell.run(data, "-c", statement)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_rows_are_inserted_replaced_changed_and_deleted(data: Path) -> None:
    changed(data, TABLE)
    assert changed(data, "INSERT INTO stock VALUES ('A', 1, 10, 1.50), ('A', 2, 20, NULL), ('B', 1, 30, 3.00)") == "3 rows\n"
    assert changed(data, "INSERT INTO stock VALUES ('A', 2, 21, 2.50)") == "1 row\n"
    assert changed(data, "INSERT INTO stock (place, item, pieces) VALUES ('B', 1, 31)") == "1 row\n"
    assert changed(data, "UPDATE stock SET pieces = pieces * 2 WHERE place = 'A' AND item = 1") == "1 row\n"
    assert changed(data, "UPDATE stock SET price = 9.99 WHERE place = 'nowhere' AND item = 1") == "0 rows\n"
    assert shell.answers(data, [ALL]) == [
        [
            {"place": "A", "item": 1, "pieces": 20, "price": "1.50"},
            {"place": "A", "item": 2, "pieces": 21, "price": "2.50"},
            {"place": "B", "item": 1, "pieces": 31, "price": "3.00"},
        ]
    ]
    assert changed(data, "DELETE FROM stock WHERE place = 'A' AND item = 1") == "1 row\n"
    assert changed(data, "DELETE FROM stock WHERE place = 'A' AND item = 1") == "0 rows\n"
    assert changed(data, "DELETE FROM stock WHERE pieces > 30") == "1 row\n"
    assert shell.answers(data, [ALL, "SELECT count(*) AS n FROM stock$changelog WHERE _change_type = 'delete'"]) == [
        [{"place": "A", "item": 2, "pieces": 21, "price": "2.50"}],
        [{"n": 2}],
    ]
