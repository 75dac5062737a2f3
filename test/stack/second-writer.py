#!/usr/bin/env python3
"""Appends to both tables as Flink does, beside whoever else commits; one snapshot a checkpoint, until COUNT are in each.

usage: second-writer.py URI COUNT K=V...     K=V are properties of PyIceberg's SQL catalog; prints table and checkpoint once it is there
"""
import sys
import time

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException

EVENTS = ("event_id", "user_id", "campaign_id", "event_type", "timestamp", "revenue", "platform", "country", "device_type")
START = 1_795_348_800_000_000


def rows(table, checkpoint):
    at = START + checkpoint * 300_000_000
    row = {
        "campaign_events": {"event_id": f"f-{checkpoint}", "user_id": "u", "campaign_id": "c", "event_type": "click", "timestamp": at,
                            "revenue": 0.0, "platform": None, "country": None, "device_type": None},
        "campaign_metrics": {"campaign_id": "c", "window_start": at, "window_end": at + 300_000_000, "impressions": 0, "clicks": 1,
                             "conversions": 0, "revenue": 0.0, "ctr_percent": None, "cvr_percent": 0.0, "processed_at": at},
    }[table.name()[-1]]
    return pa.Table.from_pylist([row], schema=table.schema().as_arrow())


def append(table, checkpoint):
    names = {"flink.job-id": "job-1", "flink.operator-id": "op-1", "flink.max-committed-checkpoint-id": str(checkpoint)}
    for _ in range(200):
        try:
            table.refresh()
            table.append(rows(table, checkpoint), snapshot_properties=names)
            return
        except (CommitFailedException, FileNotFoundError, OSError):
            time.sleep(0.02)
    sys.exit(f"checkpoint {checkpoint} could not be committed")


def main():
    uri, count, *properties = sys.argv[1:]
    lake = SqlCatalog("lake", uri=uri, **dict(p.split("=", 1) for p in properties))
    tables = [lake.load_table(f"campaigns.{name}") for name in ("campaign_events", "campaign_metrics")]
    for checkpoint in range(1, int(count) + 1):
        for table in tables:
            append(table, checkpoint)
            print(table.name()[-1], checkpoint, flush=True)


main()
