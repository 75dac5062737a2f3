#!/usr/bin/env python3
"""Opens the REST catalog of a product with keys in the ways that clients are configured, and prints
what each attempt saw, as JSON: the number of events, or the class and text of the error.

usage: rest_access.py ENDPOINT READ_KEY WRITE_KEY CATALOG_FILE
"""
import json, sqlite3, sys, urllib.parse, warnings

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.catalog.sql import SqlCatalog

import duckdb_extensions

warnings.filterwarnings("ignore")
endpoint, read, write, catalog_file = sys.argv[1:]
EVENTS = "campaigns.campaign_events"


def attempt(act):
    try:
        return act()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def rest(**properties):
    return RestCatalog("lake", uri=endpoint, **properties)


def rows(**properties):
    return attempt(lambda: rest(**properties).load_table(EVENTS).scan().to_arrow().num_rows)


def by_pyiceberg():
    lake = rest(credential=read)
    oauth2 = {"client_id": "me", "client_secret": read, "token_url": f"{endpoint}/v1/oauth/tokens"}
    sql = f"sqlite:///{urllib.parse.quote(catalog_file)}"
    return {
        "token": rows(token=read),
        "secret": rows(credential=read),
        "id and secret": rows(credential=f"me:{read}"),
        "oauth2": rows(auth={"type": "oauth2", "oauth2": oauth2}),
        "refs": rows(token=read, **{"snapshot-loading-mode": "refs"}),
        "warehouse": rows(token=read, warehouse="lake"),
        "wrong secret": rows(credential="wrong"),
        "write key": rows(credential=write),
        "wrong token": rows(token="wrong"),
        "wrong warehouse": rows(token=read, warehouse="nope"),
        "snapshots": attempt(lambda: lake.load_table(EVENTS).inspect.snapshots().num_rows > 0),
        "views": attempt(lambda: lake.list_views("campaigns")),
        "view": attempt(lambda: lake.view_exists("campaigns.x")),
        "nested": attempt(lambda: lake.table_exists(("campaigns", "campaign_events", "snapshots"))),
        "unknown namespace": attempt(lambda: lake.load_table("nope.x")),
        "unknown listing": attempt(lambda: lake.list_tables("nope")),
        "stopped": attempt(lambda: SqlCatalog("lake", uri=sql).load_table(EVENTS).scan().to_arrow().num_rows),
    }


def by_duckdb():
    def attached(name, warehouse, options):
        connection.execute(f"ATTACH '{warehouse}' AS {name} (TYPE iceberg, ENDPOINT '{endpoint}', {options})")
        return connection.execute(f"SELECT count(*) FROM {name}.{EVENTS}").fetchone()[0]

    connection = duckdb_extensions.connect()
    client = f"CLIENT_ID 'me', OAUTH2_SERVER_URI '{endpoint}/v1/oauth/tokens', CLIENT_SECRET"
    pointer = "SELECT metadata_location FROM iceberg_tables WHERE table_name = 'campaign_events'"
    [file] = sqlite3.connect(catalog_file).execute(pointer).fetchone()
    scan = f"SELECT count(*) FROM iceberg_scan('{file}')"
    return {
        "token": attempt(lambda: attached("a", "lake", f"TOKEN '{read}'")),
        "secret": attempt(lambda: attached("b", "lake", f"{client} '{read}'")),
        "wrong secret": attempt(lambda: attached("c", "lake", f"{client} 'wrong'")),
        "wrong warehouse": attempt(lambda: attached("d", "nope", f"TOKEN '{read}'")),
        "metadata file": attempt(lambda: connection.execute(scan).fetchone()[0]),
    }


print(json.dumps({"pyiceberg": by_pyiceberg(), "duckdb": by_duckdb()}))
