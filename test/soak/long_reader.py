#!/usr/bin/env python3
"""Reads `campaign_events` as of a moment that lies long back, again and again; shares no code with the project.

usage: long_reader.py KIND CATALOG.db ENDPOINT HOLD_SECONDS UNTIL_EPOCH_SECONDS

KIND is pyiceberg (a table that was loaded), duckdb (a transaction that was begun) or files (a scan that was planned).
Prints one line of JSON for each read: rows as announced when the hold began, rows read, seconds of hold and of the read.
Ends when another hold would outlast UNTIL; a failed read ends it with its error.
"""
import importlib.util, json, os, sys, time

import duckdb
import pyarrow.dataset
from pyiceberg.catalog.sql import SqlCatalog

NAME = "campaign_events"


class TableOfPyIceberg:
    def __init__(self, catalog, endpoint):
        self.table = SqlCatalog("lake", uri=f"sqlite:///{catalog}").load_table(f"campaigns.{NAME}")
        self.expected = int(self.table.current_snapshot().summary["total-records"])

    def rows(self):
        return sum(batch.num_rows for batch in self.table.scan(selected_fields=("event_type",)).to_arrow_batch_reader())


class PlannedFiles(TableOfPyIceberg):
    def __init__(self, catalog, endpoint):
        super().__init__(catalog, endpoint)
        self.paths = [task.file.file_path.removeprefix("file://") for task in self.table.scan().plan_files()]

    def rows(self):
        files = pyarrow.dataset.dataset(self.paths, format="parquet")
        return sum(batch.num_rows for batch in files.to_batches(columns=["event_type"]))


class TransactionOfDuckDb:
    def __init__(self, catalog, endpoint):
        self.connection = duckdb.connect()
        for name in ("avro", "httpfs", "iceberg"):
            folder = os.path.dirname(importlib.util.find_spec(f"duckdb_extension_{name}").origin)
            self.connection.execute(f"LOAD '{folder}/extensions/v{duckdb.__version__}/{name}.duckdb_extension'")
        self.connection.execute("SET threads = 1")
        self.connection.execute(f"ATTACH 'lake' AS lake (TYPE iceberg, ENDPOINT '{endpoint}', AUTHORIZATION_TYPE none)")
        self.connection.execute("BEGIN")
        self.expected = self.ask("SELECT count(*)")

    def ask(self, what):
        return self.connection.execute(f"{what} FROM lake.campaigns.{NAME}").fetchone()[0]

    def rows(self):
        return self.ask("SELECT count(*) FILTER (event_type IN ('impression', 'click', 'conversion'))")


KINDS = {"pyiceberg": TableOfPyIceberg, "files": PlannedFiles, "duckdb": TransactionOfDuckDb}


def main():
    kind, catalog, endpoint, hold, until = sys.argv[1:]
    while time.time() + float(hold) < float(until):
        begun = time.time()
        held = KINDS[kind](catalog, endpoint)
        time.sleep(max(0, begun + float(hold) - time.time()))
        read = time.time()
        rows = held.rows()
        seconds = {"held": round(read - begun), "read": round(time.time() - read, 1)}
        print(json.dumps({"kind": kind, "expected": held.expected, "rows": rows, **seconds}), flush=True)


if __name__ == "__main__":
    main()
