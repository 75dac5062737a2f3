#!/usr/bin/env python3
"""Runs the lines of docs/reading.md for one engine in one state, and prints what they print.

usage: documented.py ENGINE STATE URL        (DuckDB Stopped http://127.0.0.1:8088)
"""
import importlib.util, os, re, sys

import duckdb

engine, state, url = sys.argv[1:]
path = os.path.join(os.path.dirname(__file__), "../../docs/reading.md")
text = open(path, encoding="utf-8").read()
section = re.search(rf"^## {engine}\n(.*?)(?=^## )", text, re.M | re.S).group(1)
language, lines = re.search(rf"^{state}.*?^```(\w+)\n(.*?)^```", section, re.M | re.S).groups()
lines = lines.replace("http://127.0.0.1:8088", url)

# The extensions of the tests come from the Python registry, and need no network.
loads = ""
for name in ("avro", "httpfs", "iceberg"):
    folder = os.path.dirname(importlib.util.find_spec(f"duckdb_extension_{name}").origin)
    loads += f"LOAD '{folder}/extensions/v{duckdb.__version__}/{name}.duckdb_extension';"
lines = lines.replace("INSTALL iceberg; LOAD iceberg;", loads)
lines = lines.replace("INSTALL iceberg; LOAD iceberg", loads)

if language == "sql":
    print(duckdb.sql(lines))
else:
    exec(lines)
