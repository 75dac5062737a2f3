"""Makes Superset's tables, its admin and its roles, unless the database says that this version and password have them."""

import hashlib
import os
import subprocess
from importlib.metadata import version

import psycopg2

PASSWORD = os.environ["SUPERSET_ADMIN_PASSWORD"]
SECRET_KEY = open(f"{os.environ['SUPERSET_HOME']}/secret-key").read().strip()
# Of the password only what cannot be turned back without the key.
MARK = f"{version('apache-superset')} {hashlib.sha256((SECRET_KEY + PASSWORD).encode()).hexdigest()}"


def superset(*words: str) -> None:
    subprocess.run(["superset", *words], check=True)


def main() -> None:
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    # One start at a time: it ends with the connection.
    cursor.execute("SELECT pg_advisory_lock(1)")
    cursor.execute("CREATE TABLE IF NOT EXISTS campaign_metrics_start (mark text NOT NULL)")
    cursor.execute("SELECT mark FROM campaign_metrics_start")
    if cursor.fetchone() == (MARK,):
        return
    superset("db", "upgrade")
    name = ["--firstname", "Campaign", "--lastname", "Metrics", "--email", "admin@localhost"]
    superset("fab", "create-admin", "--username", "admin", *name, "--password", PASSWORD)
    superset("fab", "reset-password", "--username", "admin", "--password", PASSWORD)
    superset("init")
    cursor.execute("DELETE FROM campaign_metrics_start")
    cursor.execute("INSERT INTO campaign_metrics_start VALUES (%s)", (MARK,))


main()
