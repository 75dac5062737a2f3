#!/usr/bin/env python3
"""Spark beside a running process. Its settings come from the command line, as `spark-submit` passes them on.

usage: spark_live.py TABLE FOLDER READ_STREAM

For 90 s it counts the rows of the table every 8 s. Beside that it reads the table as a stream, which READ_STREAM (lines
of Python) opens as `events`: until it has caught up, and once more from the checkpoint, 30 s after it has begun. Then it
tries an INSERT.
Prints a line of JSON for each thing that it has found.
"""
import json, sys, threading, time

from pyspark.sql import SparkSession

QUERY_EVERY_S, QUERY_FOR_S, PAUSE_S = 8, 90, 30
BEGUN = time.monotonic()


def say(**found):
    print("FOUND " + json.dumps({"seconds": time.monotonic() - BEGUN, **found}), flush=True)


def outcome(act):
    try:
        return {"found": act(), "error": None}
    except Exception as error:
        return {"found": None, "error": str(error).split("\n")[0]}


def count_rows(spark, table):
    while time.monotonic() - BEGUN < QUERY_FOR_S:
        say(what="rows", **outcome(lambda: spark.sql(f"SELECT count(*) FROM {table}").first()[0]))
        time.sleep(QUERY_EVERY_S)


def catch_up(spark, folder, read_stream):
    names = {"spark": spark}
    exec(read_stream, names)
    rows = names["events"].select("event_id").writeStream.format("parquet")
    places = {"path": f"{folder}/rows", "checkpointLocation": f"{folder}/checkpoint"}
    rows.options(**places).trigger(availableNow=True).start().awaitTermination()
    return [row[0] for row in spark.read.parquet(places["path"]).collect()]


def main():
    global BEGUN
    table, folder, read_stream = sys.argv[1:]
    spark = SparkSession.builder.getOrCreate()
    BEGUN = time.monotonic()
    counting = threading.Thread(target=count_rows, args=(spark, table))
    counting.start()
    # The stream begins when snapshots have expired.
    time.sleep(QUERY_FOR_S / 2)
    begun = time.monotonic()
    say(what="stream", **outcome(lambda: catch_up(spark, folder, read_stream)))
    time.sleep(max(0, begun + PAUSE_S - time.monotonic()))
    say(what="stream", **outcome(lambda: catch_up(spark, folder, read_stream)))
    counting.join()
    say(what="insert", **outcome(lambda: str(spark.sql(f"INSERT INTO {table} SELECT * FROM {table} LIMIT 1"))))


main()
