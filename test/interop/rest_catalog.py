#!/usr/bin/env python3
"""Attaches to the REST catalog with PyIceberg and with DuckDB, and prints what each sees, as JSON.

usage: rest_catalog.py ENDPOINT        (http://127.0.0.1:8088/iceberg)
"""
import json, sys

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.schema import Schema

import duckdb_extensions


def by_pyiceberg(endpoint):
    lake = RestCatalog("lake", uri=endpoint)
    seen = {
        "namespaces": lake.list_namespaces(),
        "namespace_exists": [lake.namespace_exists(name) for name in ("campaigns", "other")],
        "tables": sorted(".".join(name) for name in lake.list_tables("campaigns")),
        "table_exists": [lake.table_exists(f"campaigns.{name}") for name in ("campaign_events", "other")],
        "rows": {},
        "snapshots": {},
    }
    for name in ("campaign_events", "campaign_metrics"):
        table = lake.load_table(f"campaigns.{name}")
        seen["rows"][name] = table.scan().to_arrow().num_rows
        seen["snapshots"][name] = str(table.current_snapshot().snapshot_id)
    filtered = lake.load_table("campaigns.campaign_events").scan(row_filter="campaign_id == 'c-2'").to_arrow()
    seen["filtered"] = sorted(filtered.column("event_id").to_pylist())
    seen["refused"] = {}
    for what, act in {
        "load": lambda: lake.load_table("campaigns.other"),
        "create": lambda: lake.create_table("campaigns.mine", Schema()),
        "drop": lambda: lake.drop_table("campaigns.campaign_events"),
        "append": lambda: lake.load_table("campaigns.campaign_events").append(filtered),
    }.items():
        try:
            act()
            seen["refused"][what] = None
        except NoSuchTableError:
            seen["refused"][what] = "NoSuchTableError"
        except Exception as error:
            seen["refused"][what] = f"{type(error).__name__}: {error}"
    return seen


def by_duckdb(endpoint):
    connection = duckdb_extensions.connect()
    connection.execute(f"ATTACH 'lake' AS lake (TYPE iceberg, ENDPOINT '{endpoint}', AUTHORIZATION_TYPE none)")
    ask = lambda sql: connection.execute(sql).fetchall()
    seen = {
        "tables": sorted(name for (name,) in ask("SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake'")),
        "rows": {name: ask(f"SELECT count(*) FROM lake.campaigns.{name}")[0][0] for name in ("campaign_events", "campaign_metrics")},
        "joined": ask("""SELECT sum(m.impressions), count(DISTINCT e.event_id) FROM lake.campaigns.campaign_metrics m
            JOIN lake.campaigns.campaign_events e USING (campaign_id) WHERE e.campaign_id = 'c-2'""")[0],
    }
    try:
        ask("DELETE FROM lake.campaigns.campaign_events")
        seen["refused"] = None
    except Exception as error:
        seen["refused"] = f"{type(error).__name__}: {error}"
    return seen


print(json.dumps({"pyiceberg": by_pyiceberg(sys.argv[1]), "duckdb": by_duckdb(sys.argv[1])}))
