#!/usr/bin/env python3
"""Commits through the REST catalog with DuckDB, and prints what became of each statement, as JSON: null, or its error.

usage: rest_writes_duckdb.py ENDPOINT KEY STATEMENT...        (http://127.0.0.1:8088/iceberg; the catalog is attached as `lake`)
"""
import json, sys

import duckdb

import duckdb_extensions


def tried(connection, statement):
    try:
        connection.execute(statement)
        return None
    except duckdb.Error as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    endpoint, key, *statements = sys.argv[1:]
    connection = duckdb_extensions.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"ATTACH 'lake' AS lake (TYPE iceberg, TOKEN '{key}', ENDPOINT '{endpoint}')")
    print(json.dumps([tried(connection, statement) for statement in statements]))
