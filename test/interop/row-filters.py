#!/usr/bin/env python3
"""Asks PyIceberg for row filters on every column of both tables: each must return exactly what a full scan, filtered here, returns.

usage: row-filters.py CATALOG_URI

Bounds that are too narrow, in manifests or in Parquet footers, lose rows silently; they show only in filtered reads. Two checks:
- planning: for many values and operators, no file that holds a matching row may be left out (bounds and counts in the manifests);
- reading: for some of them, the rows themselves (statistics in the footers, nulls, UTF-8 order).
Prints what differs; exit 0 if nothing does.
"""
import sys

import pyarrow.parquet as parquet
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import (EqualTo, GreaterThan, GreaterThanOrEqual, In, IsNull, LessThan, LessThanOrEqual, NotEqualTo, NotNull, StartsWith)

COMPARISONS = {
    EqualTo: lambda got, value: got == value,
    LessThan: lambda got, value: got < value,
    LessThanOrEqual: lambda got, value: got <= value,
    GreaterThan: lambda got, value: got > value,
    GreaterThanOrEqual: lambda got, value: got >= value,
}
KEYS = {"campaign_events": ("event_id",), "campaign_metrics": ("campaign_id", "window_start")}
SAMPLES, READS = 6, 3


def samples(values):
    """Spread over the sorted values, both ends always, and beside them values that no row has."""
    ordered = sorted(set(values), key=lambda value: value.encode() if isinstance(value, str) else value)
    if not ordered:
        return []
    step = max(1, len(ordered) // SAMPLES)
    chosen = ordered[::step] + [ordered[-1]]
    if isinstance(ordered[0], str):
        chosen += [ordered[-1] + "x", ordered[0][:-1], "\U0010ffff", "m"]
    elif isinstance(ordered[0], (int, float)):
        chosen += [ordered[0] - 1, ordered[-1] + 1, type(ordered[0])(0)]
    return chosen


def expressions(column, kind, values, nullable):
    for value in samples(values):
        literal = value.isoformat() if hasattr(value, "isoformat") else value
        for comparison, holds in COMPARISONS.items():
            yield comparison(column, literal), lambda got, value=value, holds=holds: got is not None and holds(got, value)
        if not nullable:
            yield NotEqualTo(column, literal), lambda got, value=value: got != value
        if kind == "string" and value:
            for prefix in {value[:1], value[:3], value}:
                yield StartsWith(column, prefix), lambda got, prefix=prefix: got is not None and got.startswith(prefix)
    # Zero is left out of the lists: where a file holds only zeros, Arrow's own is_in loses them (their bounds are written as -0.0 and 0.0).
    some = [value for value in samples(values)[::3] if value != 0]
    if some:
        yield (In(column, tuple(v.isoformat() if hasattr(v, "isoformat") else v for v in some)),
               lambda got, some=frozenset(some): got is not None and got in some)
    yield IsNull(column), lambda got: got is None
    yield NotNull(column), lambda got: got is not None


def main():
    lake = SqlCatalog("lake", uri=sys.argv[1])
    differences, planned, read = 0, 0, 0
    for name, key in KEYS.items():
        table = lake.load_table(f"campaigns.{name}")
        files = {task.file.file_path: parquet.ParquetFile(task.file.file_path.removeprefix("file://")).read() for task in table.scan().plan_files()}
        rows = sum(content.num_rows for content in files.values())
        if table.scan().to_arrow().num_rows != rows:
            differences += 1
            print(f"{name}: the scan has other rows than its {len(files)} files ({rows})")
        keys = {path: list(zip(*(content.column(k).to_pylist() for k in key))) for path, content in files.items()}
        for field in table.schema().fields:
            column = field.name
            values = {path: content.column(column).to_pylist() for path, content in files.items()}
            everything = [value for list_ in values.values() for value in list_]
            present = [value for value in everything if value is not None]
            cases = list(expressions(column, str(field.field_type), present, len(present) < len(everything)))
            for at, (expression, holds) in enumerate(cases):
                wanted = {path for path, list_ in values.items() if any(map(holds, list_))}
                found = {task.file.file_path for task in table.scan(row_filter=expression).plan_files()}
                planned += 1
                if wanted - found:
                    differences += 1
                    print(f"{name}.{column}: {expression} leaves out {len(wanted - found)} of {len(wanted)} files with matching rows")
                if at % max(1, len(cases) // READS) and at < len(cases) - 3:
                    continue
                want = sorted(k for path, list_ in values.items() for k, value in zip(keys[path], list_) if holds(value))
                content = table.scan(row_filter=expression, selected_fields=key).to_arrow()
                got = sorted(zip(*(content.column(k).to_pylist() for k in key)))
                read += 1
                if want != got:
                    differences += 1
                    print(f"{name}.{column}: {expression} returns {len(got)} rows instead of {len(want)}")
    print(f"PyIceberg: {planned} filters planned, {read} read; differences: {differences}")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
