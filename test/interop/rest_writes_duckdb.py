#!/usr/bin/env python3
"""Commits through the REST catalog with DuckDB, and prints what became of each statement, as JSON: null, or its error.

usage: rest_writes_duckdb.py ENDPOINT KEY STATEMENT...        (http://127.0.0.1:8088/iceberg; the catalog is attached as `lake`)
"""
import importlib.util, json, os, sys

import duckdb


def tried(connection, statement):
    try:
        connection.execute(statement)
        return None
    except duckdb.Error as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    endpoint, key, *statements = sys.argv[1:]
    connection = duckdb.connect()
    for name in ("avro", "httpfs", "iceberg"):
        folder = os.path.dirname(importlib.util.find_spec(f"duckdb_extension_{name}").origin)
        connection.execute(f"LOAD '{folder}/extensions/v{duckdb.__version__}/{name}.duckdb_extension'")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"ATTACH 'lake' AS lake (TYPE iceberg, TOKEN '{key}', ENDPOINT '{endpoint}')")
    print(json.dumps([tried(connection, statement) for statement in statements]))
