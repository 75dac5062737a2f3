"""Superset's settings: no Redis and no Celery, its own tables in PostgreSQL, and caches in files that all workers share."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from event_logger import EventLogger  # noqa: E402

HOME = Path(os.environ["SUPERSET_HOME"])

# Made at the first start, and kept: sessions and stored passwords of databases hang on it.
SECRET_KEY = (HOME / "secret-key").read_text().strip()

SQLALCHEMY_DATABASE_URI = (
    f"postgresql+psycopg2://{os.environ['PGUSER']}:{os.environ['PGPASSWORD']}"
    f"@{os.environ['PGHOST']}:{os.environ['PGPORT']}/{os.environ['PGDATABASE']}"
)
SQLALCHEMY_ENGINE_OPTIONS = {"pool_pre_ping": True, "pool_size": 8, "max_overflow": 8}


def file_cache(
    name: str, timeout_s: int, entries_max: int, kind: str = "FileSystemCache"
) -> dict[str, object]:
    return {
        "CACHE_TYPE": kind,
        "CACHE_DIR": str(HOME / "cache" / name),
        "CACHE_DEFAULT_TIMEOUT": timeout_s,
        "CACHE_THRESHOLD": entries_max,
    }


CACHE_CONFIG = file_cache("metadata", 86_400, 1_000)
# Of viewers who ask for one figure at once, one computes it. The charts of our dashboard say themselves how long.
DATA_CACHE_CONFIG = file_cache("results", 60, 5_000, "shared_cache.SharedCache")
FILTER_STATE_CACHE_CONFIG = file_cache("filters", 7 * 86_400, 10_000)
EXPLORE_FORM_DATA_CACHE_CONFIG = file_cache("forms", 7 * 86_400, 10_000)

# The datasets of our dashboard are written with Jinja: filters by event, and the period before.
FEATURE_FLAGS = {"ENABLE_TEMPLATE_PROCESSING": True}

# Superset's default, "force", asks past the cache at every refresh.
DASHBOARD_AUTO_REFRESH_MODE = "fetch"
EVENT_LOGGER = EventLogger()

SUPERSET_WEBSERVER_TIMEOUT = 120
# Sessions' cookies are sent by a browser on this machine only, until somebody puts TLS in front.
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
