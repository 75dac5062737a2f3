#!/usr/bin/env python3
"""Writes every row of a table as PyIceberg reads it, in one form that is equal where the values are equal to the last bit.

usage: canonical-rows.py --catalog URI [--property K=V]... TABLE FILE

FILE gets one JSON array a row, columns in their order without processed_at: texts and counts as they are, timestamps in microseconds,
doubles as the whole number that their 64 bits make, in quotes. Prints one JSON object: rows, files (paths, as often as they are
referenced), deleteFiles, snapshots (id, operation, summary), properties.
"""
import argparse
import json

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog


def values(column):
    kind = column.type
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us")).cast("int64").to_pylist()
    if pa.types.is_float64(kind):
        return [None if bits is None else str(bits) for bits in column.view("int64").to_pylist()]
    return column.to_pylist()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--catalog", required=True)
    parser.add_argument("--property", action="append", default=[])
    parser.add_argument("table")
    parser.add_argument("file")
    args = parser.parse_args()
    lake = SqlCatalog("lake", uri=args.catalog, **dict(p.split("=", 1) for p in args.property))
    table = lake.load_table(f"campaigns.{args.table}")
    names = [field.name for field in table.schema().fields if field.name != "processed_at"]
    write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    tasks = list(table.scan().plan_files())
    rows = 0
    with open(args.file, "w", encoding="utf-8", newline="\n") as out:
        for batch in table.scan(selected_fields=tuple(names)).to_arrow_batch_reader():
            columns = [values(batch.column(name)) for name in names]
            out.writelines(write(row) + "\n" for row in zip(*columns))
            rows += batch.num_rows
    snapshots = [
        {"id": str(s.snapshot_id), "operation": s.summary.operation.value, "summary": s.summary.additional_properties}
        for s in table.metadata.snapshots
    ]
    report = {
        "rows": rows,
        "files": [task.file.file_path for task in tasks],
        "deleteFiles": sum(len(task.delete_files) for task in tasks),
        "snapshots": snapshots,
        "properties": dict(table.properties),
        "location": table.metadata_location,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
