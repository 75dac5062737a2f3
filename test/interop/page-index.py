#!/usr/bin/env python3
"""Filters one of our Parquet files with DataFusion, which skips pages by the page index, with DuckDB and with PyArrow.

usage: page-index.py FILE [without]

Every reader must find the rows that a full read, filtered here, has. Each column must have an index, or none with
`without`. Each row must have a time of its own, by which it is known here, and the rows be in order of time. Prints what
differs; exit 0 if nothing does.
"""
import datetime
import re
import sys

import datafusion
import duckdb
import pyarrow.compute as compute
import pyarrow.dataset as dataset
import pyarrow.parquet as parquet

FILE, EXPECTED = sys.argv[1], sys.argv[2:] != ["without"]
SAMPLES = 2
faults = []
group = parquet.ParquetFile(FILE).metadata.row_group(0)
for index in range(group.num_columns):
    column = group.column(index)
    if (column.has_offset_index, column.has_column_index) != (EXPECTED, EXPECTED):
        faults.append(f"{column.path_in_schema}: {column.has_offset_index} {column.has_column_index}")

table = parquet.read_table(FILE)
rows = table.to_pylist()


def samples(values):
    """Spread over the sorted values, both ends always, and beside them values that no row has."""
    ordered = sorted(set(values), key=lambda value: value.encode() if isinstance(value, str) else value)
    if not ordered:
        return []
    chosen = ordered[:: max(1, len(ordered) // SAMPLES)] + ordered[-1:]
    if isinstance(ordered[0], str):
        chosen += [ordered[-1] + "x", ordered[0][:-1], "\U0010ffff"]
    return chosen


def literal(value):
    if isinstance(value, datetime.datetime):
        return f"TIMESTAMP '{value.isoformat(sep=' ', timespec='microseconds')}'"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else f"CAST({value!r} AS DOUBLE)"


fusion = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions(1))
fusion.register_parquet("t", FILE)
duck = duckdb.connect()
checks = 0
for name in table.column_names:
    filters = [("IS NULL", None, compute.field(name).is_null(), lambda got: got is None)]
    for value in samples([row[name] for row in rows if row[name] is not None]):
        key = value.encode() if isinstance(value, str) else value
        order = (lambda got: got.encode()) if isinstance(value, str) else (lambda got: got)
        filters += [
            ("=", value, compute.field(name) == value, lambda got, key=key, order=order: got is not None and order(got) == key),
            ("<", value, compute.field(name) < value, lambda got, key=key, order=order: got is not None and order(got) < key),
            (">=", value, compute.field(name) >= value, lambda got, key=key, order=order: got is not None and order(got) >= key),
        ]
    for operator, value, expression, keeps in filters:
        checks += 1
        right = [row["timestamp"] for row in rows if keeps(row[name])]
        what = f"{name} {operator} {value!r}"
        sql = f'"{name}" {operator}' + ("" if value is None else f" {literal(value)}")
        found = {
            "PyArrow": dataset.dataset(FILE).to_table(columns=["timestamp"], filter=expression)["timestamp"].to_pylist(),
            "DuckDB": [at for [at] in duck.execute(f"SELECT timestamp FROM '{FILE}' WHERE {sql}").fetchall()],
        }
        batches = fusion.sql(f"SELECT timestamp FROM t WHERE {sql}").collect()
        found["DataFusion"] = [at for batch in batches for at in batch.column(0).to_pylist()]
        for reader, times in found.items():
            if sorted(times) != right:
                faults.append(f"{what}: {reader} finds {len(times)} rows instead of {len(right)}")

if EXPECTED:
    # Times ascend, so that the last one is on the last page only.
    last = literal(rows[-1]["timestamp"])
    [plan] = fusion.sql(f"EXPLAIN ANALYZE SELECT * FROM t WHERE timestamp = {last}").collect()
    if not re.search(r"page_index_pages_pruned=\d+ total → 1 matched", str(plan.to_pylist())):
        faults.append(f"DataFusion does not skip pages: {plan.to_pylist()}")

for fault in faults[:20]:
    print(fault)
print(f"{checks} filters")
sys.exit(1 if faults else 0)
