#!/usr/bin/env python3
"""Changes the tables as another program would, through PyIceberg, beside the running product or while it is stopped.

usage: other-writer.py CATALOG_URI ACTION...

CATALOG_URI is that of the SQL catalog, or that of the REST catalog; its key is in the environment variable CATALOG_KEY.

ACTIONs are JSON lists, done in turn, each tried again from a fresh load until its commit gets through (two minutes at most):
  ["tag", TABLE, NAME]  ["branch", TABLE, NAME]  ["set", TABLE, KEY, VALUE]  ["unset", TABLE, KEY]  ["statistics", TABLE]
  ["add-column", TABLE, NAME]  ["add-nested", TABLE, NAME]  ["add-required", TABLE, NAME]  ["rename", TABLE, FROM, TO]
  ["drop", TABLE, NAME]  ["move-first", TABLE, NAME]  ["optional", TABLE, NAME]  ["set-schema", TABLE, ID]  ["upgrade", TABLE]
  ["append", PREFIX, ROWS, CAMPAIGN, TIMESTAMP]  clicks of 1.5 in campaign_events; ids PREFIX-0, PREFIX-1, …
  ["append-with", COLUMN, VALUE, CAMPAIGN, TIMESTAMP]  one such event with a value in a column that was added
  ["delete", TABLE, FILTER]  ["overwrite", TABLE, FILTER]  the rows of the filter removed, or replaced by themselves
  ["expire", TABLE]  all snapshots but the newest and those of branches and tags
  ["expire-oldest", TABLE]  the oldest snapshot but those, and but ours
  ["try", ACTION...]  once; the result is the error, or null
  ["to", TABLE, TAG]  the current snapshot set to that of a tag
  ["rows", TABLE]  ["snapshot", TABLE]  ["refs", TABLE]  ["properties", TABLE]  ["columns", TABLE]  only read
Prints a JSON list with one object for each: {"attempts", "seconds", "result"}.
"""
import json, os, sys, time
from datetime import datetime

import pyarrow as arrow
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.table.statistics import StatisticsFile
from pyiceberg.table.update import SetCurrentSchemaUpdate
from pyiceberg.types import LongType, NestedField, StringType, StructType

LIMIT_SECONDS = 120


def append_rows(table, rows):
    schema = table.schema().as_arrow()
    names = {field.name for field in schema}
    table.append(arrow.Table.from_pylist([{k: v for k, v in row.items() if k in names} for row in rows], schema=schema))


def event(identifier, campaign, timestamp, **more):
    return {"event_id": identifier, "user_id": "u-other", "campaign_id": campaign, "event_type": "click",
            "timestamp": datetime.fromisoformat(timestamp), "revenue": 1.5, **more}


def statistics(table):
    snapshot = table.current_snapshot().snapshot_id
    path = table.location() + "/metadata/statistics.puffin"
    with table.update_statistics() as update:
        update.set_statistics(StatisticsFile(snapshot_id=snapshot, statistics_path=path, file_size_in_bytes=4, file_footer_size_in_bytes=4, blob_metadata=[]))


def change_schema(table, act):
    with table.update_schema(allow_incompatible_changes=True) as update:
        act(update)


def act(lake, name, args):
    if name == "try":
        try:
            act(lake, args[0], args[1:])
            return None
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    if name in ("append", "append-with"):
        table = lake.load_table("campaigns.campaign_events")
        if name == "append":
            prefix, rows, campaign, timestamp = args
            return append_rows(table, [event(f"{prefix}-{n}", campaign, timestamp) for n in range(rows)])
        column, value, campaign, timestamp = args
        return append_rows(table, [event(f"with-{column}", campaign, timestamp, **{column: value})])
    table = lake.load_table("campaigns." + args[0])
    rest = args[1:]
    current = table.current_snapshot()
    match name:
        case "tag": table.manage_snapshots().create_tag(current.snapshot_id, rest[0]).commit()
        case "branch": table.manage_snapshots().create_branch(current.snapshot_id, rest[0]).commit()
        case "set": table.transaction().set_properties({rest[0]: rest[1]}).commit_transaction()
        case "unset": table.transaction().remove_properties(rest[0]).commit_transaction()
        case "statistics": statistics(table)
        case "add-column": change_schema(table, lambda update: update.add_column(rest[0], StringType()))
        case "add-nested": change_schema(table, lambda update: update.add_column(rest[0], StructType(NestedField(100, "inner", LongType(), required=False))))
        case "add-required": change_schema(table, lambda update: update.add_column(rest[0], StringType(), required=True))
        case "rename": change_schema(table, lambda update: update.rename_column(*rest))
        case "drop": change_schema(table, lambda update: update.delete_column(rest[0]))
        case "move-first": change_schema(table, lambda update: update.move_first(rest[0]))
        case "optional": change_schema(table, lambda update: update.make_column_optional(rest[0]))
        case "set-schema": lake.commit_table(table, (), (SetCurrentSchemaUpdate(schema_id=rest[0]),))
        case "upgrade": table.transaction().upgrade_table_version(3).commit_transaction()
        case "delete": table.delete(rest[0])
        case "overwrite": table.overwrite(table.scan(row_filter=rest[0]).to_arrow(), overwrite_filter=rest[0])
        case "expire":
            keep = {ref.snapshot_id for ref in table.metadata.refs.values()}
            table.maintenance.expire_snapshots().by_ids([each.snapshot_id for each in table.snapshots() if each.snapshot_id not in keep]).commit()
        case "expire-oldest":
            keep = {ref.snapshot_id for ref in table.metadata.refs.values()}
            theirs = [each for each in table.snapshots() if each.snapshot_id not in keep and "campaign-metrics." not in repr(each.summary)]
            oldest = min(theirs, key=lambda each: each.sequence_number)
            table.maintenance.expire_snapshots().by_ids([oldest.snapshot_id]).commit()
        case "to": table.manage_snapshots().set_current_snapshot(table.metadata.refs[rest[0]].snapshot_id).commit()
        case "rows": return table.scan().to_arrow().num_rows
        case "snapshot": return str(current.snapshot_id)
        case "refs": return sorted(table.metadata.refs)
        case "properties": return dict(table.properties)
        case "columns": return {field.name: sum(value is not None for value in table.scan().to_arrow().column(field.name).to_pylist()) for field in table.schema().fields}
        case _: raise ValueError(name)


def persist(lake, name, args):
    began, attempts = time.monotonic(), 0
    while True:
        attempts += 1
        try:
            result = act(lake, name, args)
            return {"attempts": attempts, "seconds": round(time.monotonic() - began, 2), "result": result}
        except (CommitFailedException, ValidationException, FileNotFoundError):
            if time.monotonic() - began > LIMIT_SECONDS:
                raise


if __name__ == "__main__":
    uri = sys.argv[1]
    lake = RestCatalog("lake", uri=uri, token=os.environ["CATALOG_KEY"]) if uri.startswith("http") else SqlCatalog("lake", uri=uri)
    print(json.dumps([persist(lake, *(lambda name, *args: (name, args))(*json.loads(text))) for text in sys.argv[2:]]))
