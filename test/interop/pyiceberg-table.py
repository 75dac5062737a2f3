#!/usr/bin/env python3
"""Prints what PyIceberg and DuckDB see of both tables, as one JSON object on stdout.

usage: pyiceberg-table.py CATALOG.db

rows: by table, every row as PyIceberg reads it (timestamps in microseconds); duckdb: the number of rows and the sums DuckDB sees
lost: row filters (equal and in, on values of every column) that return other rows than a full scan
history: by table, rows at each kept snapshot; entries: manifest entries by status of the current snapshot
"""
import json, sqlite3, sys
from collections import Counter

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import EqualTo, In, IsNull

import duckdb_extensions


SAMPLES = 15


def plain(value):
    if hasattr(value, "isoformat"):
        import calendar
        return calendar.timegm(value.timetuple()) * 1_000_000 + value.microsecond
    return value


def key(row):
    return json.dumps(row, sort_keys=True)


def lost_filters(table, rows):
    lost = []
    for field in table.schema().fields:
        values = {row[field.name] for row in rows}
        asked = [(IsNull(field.name), [row for row in rows if row[field.name] is None])]
        ordered = sorted(values - {None}, key=str)
        for value in ordered[:: max(1, len(ordered) // SAMPLES)]:
            literal = value.isoformat() if hasattr(value, "isoformat") else value
            want = [row for row in rows if row[field.name] == value]
            asked.append((EqualTo(field.name, literal), want))
            asked.append((In(field.name, [literal, other_than(literal)]), want))
        for expression, want in asked:
            got = table.scan(row_filter=expression).to_arrow().to_pylist()
            if sorted(map(str, got)) != sorted(map(str, want)):
                lost.append(f"{expression}: {len(got)} rows instead of {len(want)}")
    return lost


def other_than(literal):
    return "1901-01-01T00:00:00" if isinstance(literal, str) and literal[4:5] == "-" and "T" in literal else literal * 2 + type(literal)(77)


def duck(locations):
    connection = duckdb_extensions.connect()
    scan = lambda name: f"iceberg_scan('{locations[name]}')"
    one = lambda sql: list(connection.execute(sql).fetchone())
    return {
        "campaign_events": one(f"SELECT count(*), count(DISTINCT event_id), sum(revenue), count(device_type), min(epoch_us(\"timestamp\")) FROM {scan('campaign_events')}"),
        "campaign_metrics": one(f"SELECT count(*), sum(impressions)::BIGINT, sum(revenue), count(ctr_percent), max(epoch_us(window_end)) FROM {scan('campaign_metrics')}"),
    }


def main():
    catalog = sys.argv[1]
    lake = SqlCatalog("lake", uri=f"sqlite:///{catalog}")
    out = {"rows": {}, "lost": [], "history": {}, "entries": {}, "schema": {}}
    locations = {}
    for name in ("campaign_events", "campaign_metrics"):
        table = lake.load_table(f"campaigns.{name}")
        locations[name] = table.metadata_location
        rows = table.scan().to_arrow().to_pylist()
        out["schema"][name] = [[f.field_id, f.name, str(f.field_type), f.required] for f in table.schema().fields]
        out["rows"][name] = sorted(({k: plain(v) for k, v in row.items()} for row in rows), key=key)
        out["lost"] += lost_filters(table, rows)
        out["history"][name] = [table.scan(snapshot_id=s.snapshot_id).to_arrow().num_rows for s in table.metadata.snapshots]
        out["entries"][name] = dict(Counter(str(e["status"]) for e in table.inspect.entries().to_pylist())) if table.current_snapshot() else {}
    out["namespaces"] = [list(n) for n in lake.list_namespaces()]
    out["tables"] = sorted(".".join(t) for t in lake.list_tables("campaigns"))
    out["duckdb"] = duck(locations)
    out["columns"] = [row[1] for row in sqlite3.connect(catalog).execute("PRAGMA table_info(iceberg_tables)")]
    json.dump(out, sys.stdout)


main()
