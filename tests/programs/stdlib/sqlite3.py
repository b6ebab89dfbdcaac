import sqlite3

with sqlite3.connect(":memory:") as connection:
    connection.row_factory = sqlite3.Row
    connection.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, born INTEGER)")
    connection.executemany("INSERT INTO people (name, born) VALUES (?, ?)", [("Ada", 1815), ("Alan", 1912), ("Grace", 1906)])
    for row in connection.execute("SELECT name, born FROM people WHERE born > :year ORDER BY name", {"year": 1900}):
        print(dict(row))
    connection.create_function("double", 1, lambda x: x * 2)
    print(connection.execute("SELECT double(21), count(*), group_concat(name, '+') FROM people").fetchone()[:])
    print(connection.total_changes, list(connection.iterdump())[1])
    connection.execute("INSERT INTO people (name) VALUES (NULL)")
