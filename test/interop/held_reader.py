#!/usr/bin/env python3
"""Loads both tables, and reads them again and again for as long as it is asked to; shares no code with the project.

usage: held_reader.py CATALOG.db ENDPOINT      (an Iceberg REST catalog over the same tables)

Takes one JSON list a line on standard input, and answers each with one line of JSON:
    ["hold"]                 loads the tables with PyIceberg, begins a transaction with DuckDB, and notes the metadata files
    ["read"]                 reads all of what is held, every snapshot of it included
    ["metadata", location]   reads a table from a metadata file, with PyIceberg and with DuckDB
    ["travel", ms]           what the tables were at this time, with PyIceberg and with DuckDB
"""
import datetime, json, sys

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import StaticTable

import duckdb_extensions

NAMES = ("campaign_events", "campaign_metrics")


def attach(endpoint):
    connection = duckdb_extensions.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"ATTACH 'lake' AS lake (TYPE iceberg, ENDPOINT '{endpoint}', AUTHORIZATION_TYPE none)")
    return connection


def impressions(table):
    return sum(table.column("impressions").to_pylist())


class Reader:
    def __init__(self, catalog, endpoint):
        self.lake = SqlCatalog("lake", uri=f"sqlite:///{catalog}")
        self.travels = attach(endpoint)
        self.holds = attach(endpoint)

    def ask(self, connection, sql):
        return connection.execute(sql).fetchone()[0]

    def hold(self):
        self.tables = {name: self.lake.load_table(f"campaigns.{name}") for name in NAMES}
        self.holds.execute("BEGIN")
        return self.duckdb()

    def duckdb(self):
        return {
            "events": self.ask(self.holds, "SELECT count(*) FROM lake.campaigns.campaign_events"),
            "impressions": self.ask(self.holds, "SELECT sum(impressions)::BIGINT FROM lake.campaigns.campaign_metrics"),
        }

    def read(self):
        events, metrics = (self.tables[name] for name in NAMES)
        snapshots = 0
        for table in self.tables.values():
            # Each opens the manifests, or their lists, of all snapshots or of one.
            table.inspect.all_data_files()
            table.inspect.all_manifests()
            for snapshot in table.metadata.snapshots:
                table.inspect.entries(snapshot.snapshot_id)
                snapshots += 1
        oldest = events.metadata.snapshots[0]
        return {
            "pyiceberg": {"events": events.scan().to_arrow().num_rows, "impressions": impressions(metrics.scan().to_arrow())},
            "duckdb": self.duckdb(),
            "oldest": events.scan(snapshot_id=oldest.snapshot_id).to_arrow().num_rows == int(oldest.summary["total-records"]),
            "snapshots": snapshots,
            "locations": [table.metadata_location for table in self.tables.values()],
        }

    def metadata(self, location):
        return {
            "pyiceberg": StaticTable.from_metadata(location).scan().to_arrow().num_rows,
            "duckdb": self.ask(self.travels, f"SELECT count(*) FROM iceberg_scan('{location}')"),
        }

    def travel(self, at_ms):
        table = self.lake.load_table("campaigns.campaign_events")
        found = table.snapshot_as_of_timestamp(at_ms)
        rows = None if found is None else table.scan(snapshot_id=found.snapshot_id).to_arrow().num_rows
        moment = datetime.datetime.fromtimestamp(at_ms / 1000, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")
        sql = f"SELECT count(*) FROM lake.campaigns.campaign_events AT (TIMESTAMP => TIMESTAMP '{moment}')"
        return {
            "pyiceberg": rows,
            "atMs": None if found is None else found.timestamp_ms,
            "duckdb": self.ask(self.travels, sql),
        }


def main():
    reader = Reader(*sys.argv[1:])
    for line in sys.stdin:
        command, *words = json.loads(line)
        print(json.dumps(getattr(reader, command)(*words)), flush=True)


if __name__ == "__main__":
    main()
