"""DuckDB with the extensions that read Iceberg: from the Python registry, so that none is downloaded when a test runs."""
import importlib.util, os

import duckdb

NAMES = ("avro", "httpfs", "iceberg")


def load_statements():
    folder = lambda name: os.path.dirname(importlib.util.find_spec(f"duckdb_extension_{name}").origin)
    return [f"LOAD '{folder(name)}/extensions/v{duckdb.__version__}/{name}.duckdb_extension'" for name in NAMES]


def connect():
    connection = duckdb.connect()
    for statement in load_statements():
        connection.execute(statement)
    return connection
