#!/usr/bin/env python3
"""Counts what stands in both Iceberg tables, with PyIceberg; shares no code with the project.

usage: count.py --catalog URI

Prints one JSON object: rawRows, distinctIds, and metrics, a list of [campaign, window start in RFC 3339, impressions, clicks,
conversions, revenue] in the order of campaign and window.
"""
import argparse
import json

from pyiceberg.catalog.sql import SqlCatalog


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--catalog", required=True)
    args = parser.parse_args()
    lake = SqlCatalog("lake", uri=args.catalog)
    ids = lake.load_table("campaigns.campaign_events").scan(selected_fields=("event_id",)).to_arrow().column("event_id").to_pylist()
    names = ("campaign_id", "window_start", "impressions", "clicks", "conversions", "revenue")
    rows = lake.load_table("campaigns.campaign_metrics").scan(selected_fields=names).to_arrow()
    metrics = sorted(
        [campaign, start.isoformat() + "Z", *rest] for campaign, start, *rest in zip(*(rows.column(name).to_pylist() for name in names))
    )
    print(json.dumps({"rawRows": len(ids), "distinctIds": len(set(ids)), "metrics": metrics}))


if __name__ == "__main__":
    main()
