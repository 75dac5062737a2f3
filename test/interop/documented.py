#!/usr/bin/env python3
"""Runs documented lines of a Python engine, or SQL of DuckDB or ClickHouse, and prints the rows that they print.

usage: documented.py ENGINE        run in the folder of data/

Takes a JSON list of [language, text] on standard input, run one after the other. What the last of them prints is the
result: rows as JSON objects, or a list as it is.
"""
import builtins, json, sys


def run_sql(engine, text):
    if engine == "DuckDB":
        import duckdb

        return duckdb.sql(text)
    import chdb

    return json.loads(str(chdb.query(text, "JSON")))["data"]


def rows_of(printed):
    if isinstance(printed, list):
        return printed
    for name in ("to_arrow_table", "to_arrow"):
        if hasattr(printed, name):
            printed = getattr(printed, name)()
    if hasattr(printed, "read_all"):
        printed = printed.read_all()
    return printed.to_pylist()


def main():
    [engine] = sys.argv[1:]
    names, printed = {}, []
    names["print"] = printed.append
    for language, text in json.load(sys.stdin):
        if "INSTALL iceberg" in text:
            import duckdb_extensions

            text = text.replace("INSTALL iceberg; LOAD iceberg", ";".join(duckdb_extensions.load_statements()))
        if language == "sql":
            printed.append(run_sql(engine, text))
        else:
            exec(text, names)
    builtins.print(json.dumps(rows_of(printed[-1]), default=str))


main()
