#!/usr/bin/env python3
"""Changes one of the two tables behind the product's back, through PyIceberg as another writer would, so that `verify` has something to find.

usage: tamper.py CATALOG_URI drop-raw-file | change-metrics-row

Prints what it changed, as JSON.
"""
import json, os, sys

import pyarrow as arrow
import pyarrow.parquet as parquet
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.manifest import DataFile


def drop_raw_file(lake):
    table = lake.load_table("campaigns.campaign_events")
    path = min((task.file for task in table.scan().plan_files()), key=lambda file: (file.record_count, file.file_path)).file_path
    with table.transaction() as transaction:
        with transaction.update_snapshot().overwrite() as overwrite:
            for task in table.scan().plan_files():
                if task.file.file_path == path:
                    overwrite.delete_data_file(task.file)
    return {"dropped": path}


def change_metrics_row(lake):
    """A copy of one metrics file with one click more in its first row takes the file's place; its bounds are left out."""
    table = lake.load_table("campaigns.campaign_metrics")
    old = min((task.file for task in table.scan().plan_files()), key=lambda file: (file.record_count, file.file_path))
    old_path = old.file_path.removeprefix("file://")
    content = parquet.ParquetFile(old_path).read()
    rows = content.to_pylist()
    rows[0]["clicks"] += 1
    path = old_path.replace(".parquet", "-changed.parquet")
    parquet.write_table(arrow.Table.from_pylist(rows, schema=content.schema), path)
    new = DataFile.from_args(
        content=old.content, file_path=old.file_path.replace(".parquet", "-changed.parquet"), file_format=old.file_format, partition=old.partition,
        record_count=old.record_count, file_size_in_bytes=os.path.getsize(path), column_sizes={}, value_counts={}, null_value_counts={},
        nan_value_counts={}, lower_bounds={}, upper_bounds={})
    new.spec_id = old.spec_id
    with table.transaction() as transaction:
        with transaction.update_snapshot().overwrite() as overwrite:
            overwrite.delete_data_file(old)
            overwrite.append_data_file(new)
    return {"campaign_id": rows[0]["campaign_id"], "window_start": rows[0]["window_start"].isoformat()}


if __name__ == "__main__":
    uri, what = sys.argv[1:]
    print(json.dumps({"drop-raw-file": drop_raw_file, "change-metrics-row": change_metrics_row}[what](SqlCatalog("lake", uri=uri))))
