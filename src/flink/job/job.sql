-- The job on Flink: events from Kafka into the two Iceberg tables, and what must not go there into files of rejected records.
--
--     Kafka topic ──► json_events ──► judged ──► accepted ──► campaign_events    raw rows, each event_id once
--          │                             │           └──► windows ──► campaign_metrics   one row a closed window
--          │                             └── a rule is broken ──┐
--          └────────► lines ──────────────── no JSON object ────┴──► rejected            files, moved on by `start`
--
-- A heartbeat, which `start` writes while no events come, moves the watermark and reaches none of the three.
-- The tables are made by `campaign-metrics setup`: Flink's own CREATE TABLE cannot write day() partitions.
-- {text:x} becomes a string, {options:x} a list of 'key' = 'value'. The settings that go before it are in job-settings.ts.
-- Changing a literal keeps the state of a running job; changing the shape of a view that leads to `accepted`, or the key of the
-- deduplication, does not: STATE_VERSION of state-mark.ts counts such changes.

-- Credentials of S3 come from the environment of Flink's processes.
CREATE CATALOG lake WITH (
  'type' = 'iceberg',
  'catalog-impl' = 'org.apache.iceberg.jdbc.JdbcCatalog',
  'jdbc.schema-version' = 'V1',
  'io-impl' = 'org.apache.iceberg.aws.s3.S3FileIO',
  {options:catalog}
);

-- Each record as Flink's JSON format reads it; a record that is no JSON object does not appear here at all. Fields of another type
-- are coerced (docs/flink-coercions.md), so revenue is a text as well: as a DOUBLE it would turn every text into NULL, and a nested
-- array would make the record disappear.
CREATE TEMPORARY TABLE json_events (
  event_id STRING,
  user_id STRING,
  campaign_id STRING,
  event_type STRING,
  `timestamp` STRING,
  revenue STRING,
  platform STRING,
  country STRING,
  device_type STRING,
  `partition` INT METADATA VIRTUAL,
  `offset` BIGINT METADATA VIRTUAL,
  -- The time at which the broker appended the record: the topic has message.timestamp.type=LogAppendTime.
  arrived TIMESTAMP(3) METADATA FROM 'timestamp' VIRTUAL,
  -- Unless someone has changed that: then a record carries its sender's time, and is rejected.
  time_type STRING METADATA FROM 'timestamp-type' VIRTUAL,
  -- What decides the window, in whole seconds, since a window is whole seconds. NULL would stop the job; what cannot be dated is
  -- rejected below, and 1970 moves no clock. A heartbeat counts from its arrival. The planner copies the expression to every place
  -- that uses the column, unless it is non-deterministic: RAND() is never evaluated, but with it rowtime is computed once.
  rowtime AS CASE
    WHEN event_id IS NULL AND RAND() > 2 THEN TIMESTAMP '1970-01-01 00:00:00.000'
    WHEN event_id IS NULL AND event_type = {text:heartbeat} THEN arrived
    ELSE COALESCE(
      TIMESTAMPADD(
        SECOND,
        TRY_CAST(SUBSTRING(`timestamp`, 12, 2) AS INT) * 3600
          + TRY_CAST(SUBSTRING(`timestamp`, 15, 2) AS INT) * 60
          + TRY_CAST(SUBSTRING(`timestamp`, 18, 2) AS INT)
          - CASE
              WHEN `timestamp` LIKE '%Z' THEN 0
              ELSE CASE SUBSTRING(`timestamp`, CHAR_LENGTH(`timestamp`) - 5, 1) WHEN '+' THEN 60 WHEN '-' THEN -60 ELSE 0 END
                * (COALESCE(TRY_CAST(SUBSTRING(`timestamp`, CHAR_LENGTH(`timestamp`) - 4, 2) AS INT), 0) * 60
                  + COALESCE(TRY_CAST(SUBSTRING(`timestamp`, CHAR_LENGTH(`timestamp`) - 1, 2) AS INT), 0))
            END,
        CAST(TRY_CAST(SUBSTRING(`timestamp`, 1, 10) AS DATE) AS TIMESTAMP(3))),
      TIMESTAMP '1970-01-01 00:00:00.000')
  END,
  proc AS PROCTIME(),
  -- Never past the arrival: a phone that is four minutes fast closes nobody's window. A sender's time is no arrival.
  -- (LEAST would compute rowtime four times.)
  WATERMARK FOR rowtime AS
    CASE
      WHEN time_type <> 'LogAppendTime' THEN TIMESTAMP '1970-01-01 00:00:00.000'
      WHEN rowtime > arrived THEN arrived
      ELSE rowtime
    END - INTERVAL {text:watermarkDelay} SECOND(3, 3)
) WITH (
  'connector' = 'kafka',
  'format' = 'json',
  'json.ignore-parse-errors' = 'true',
  -- The quicker decoder counts the columns it has met and then stops: a key that stands twice would leave others unread.
  'json.decode.json-parser.enabled' = 'false',
  'properties.group.id' = {text:group},
  {options:kafka}
);

-- The same records as they stand in the topic. Only what is no JSON object is taken from here.
CREATE TEMPORARY TABLE lines (
  line BYTES,
  `partition` INT METADATA VIRTUAL,
  `offset` BIGINT METADATA VIRTUAL,
  arrived TIMESTAMP(3) METADATA FROM 'timestamp' VIRTUAL,
  time_type STRING METADATA FROM 'timestamp-type' VIRTUAL
) WITH (
  'connector' = 'kafka',
  'format' = 'raw',
  'properties.group.id' = {text:linesGroup},
  {options:kafka}
);

-- Files that `campaign-metrics start` moves on. `line` is base64 there, and null where the bytes are to be read from the topic.
CREATE TEMPORARY TABLE rejected (
  reason STRING,
  arrived TIMESTAMP(3),
  `partition` INT,
  `offset` BIGINT,
  line BYTES
) WITH (
  'connector' = 'filesystem',
  'path' = {text:rejectedPath},
  'format' = 'json',
  -- Little is rejected; and the task behind it, of which there is one, is chained to it at any parallelism of the job.
  'sink.parallelism' = '1',
  'sink.rolling-policy.rollover-interval' = '10 s',
  'sink.rolling-policy.inactivity-interval' = '10 s',
  'sink.rolling-policy.check-interval' = '2 s'
);

-- The date-time in full. It means nothing before `reason` below has been looked at: the cast takes the 30th of February for the
-- 28th. It cuts digits behind the microsecond, and costs as much as reading the JSON: what most clients write, milliseconds or
-- seconds in UTC, is counted instead.
CREATE TEMPORARY VIEW dated AS
SELECT
  *,
  CASE
    WHEN `timestamp` LIKE '%Z' AND CHAR_LENGTH(`timestamp`) = 24
      THEN CAST(TIMESTAMPADD(MILLISECOND, TRY_CAST(SUBSTRING(`timestamp`, 21, 3) AS INT), rowtime) AS TIMESTAMP(6))
    WHEN `timestamp` LIKE '%Z' AND CHAR_LENGTH(`timestamp`) = 20 THEN CAST(rowtime AS TIMESTAMP(6))
    WHEN SUBSTRING(`timestamp`, CHAR_LENGTH(`timestamp`) - 5, 1) NOT IN ('+', '-')
      THEN TRY_CAST(REPLACE(REPLACE(`timestamp`, 'T', ' '), 'Z', '') AS TIMESTAMP(6))
    ELSE TIMESTAMPADD(
      MINUTE,
      CASE SUBSTRING(`timestamp`, CHAR_LENGTH(`timestamp`) - 5, 1) WHEN '+' THEN -1 ELSE 1 END
        * (TRY_CAST(SUBSTRING(`timestamp`, CHAR_LENGTH(`timestamp`) - 4, 2) AS INT) * 60
          + TRY_CAST(SUBSTRING(`timestamp`, CHAR_LENGTH(`timestamp`) - 1, 2) AS INT)),
      TRY_CAST(REPLACE(SUBSTRING(`timestamp`, 1, CHAR_LENGTH(`timestamp`) - 6), 'T', ' ') AS TIMESTAMP(6)))
  END AS event_time
FROM json_events;

-- The first rule that a record breaks, or ''; NULL for a heartbeat, which has moved the watermark and goes no further. Lengths are
-- bytes of UTF-8: a character has at most 4, and only a text that may be too long is cut at the limit to see whether it changes.
CREATE TEMPORARY VIEW judged AS
SELECT
  *,
  CASE
    WHEN event_id IS NULL AND event_type = {text:heartbeat} THEN CAST(NULL AS STRING)
    WHEN time_type <> 'LogAppendTime' THEN 'sender-time'
    WHEN event_id IS NULL THEN 'event-id-missing'
    WHEN event_id = '' OR (CHAR_LENGTH(event_id) > 32 AND CAST(CAST(event_id AS VARBINARY(128)) AS STRING) <> event_id)
      THEN 'event-id-length'
    WHEN user_id IS NULL THEN 'user-id-missing'
    WHEN user_id = '' OR (CHAR_LENGTH(user_id) > 64 AND CAST(CAST(user_id AS VARBINARY(256)) AS STRING) <> user_id)
      THEN 'user-id-length'
    WHEN campaign_id IS NULL THEN 'campaign-id-missing'
    WHEN campaign_id = '' OR (CHAR_LENGTH(campaign_id) > 64 AND CAST(CAST(campaign_id AS VARBINARY(256)) AS STRING) <> campaign_id)
      THEN 'campaign-id-length'
    WHEN event_type IS NULL THEN 'event-type-missing'
    WHEN event_type NOT IN ('impression', 'click', 'conversion') THEN 'event-type-unknown'
    WHEN `timestamp` IS NULL THEN 'timestamp-missing'
    -- RFC 3339 with Z, an offset or neither (UTC); no leap second, no 24:00. DATE knows the calendar.
    WHEN NOT REGEXP(`timestamp`, '^\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?\z')
      THEN 'timestamp-format'
    -- A day that is not in the calendar has this rowtime; so may an event of 1970, which is too early.
    WHEN rowtime = TIMESTAMP '1970-01-01 00:00:00.000'
      THEN CASE WHEN TRY_CAST(SUBSTRING(`timestamp`, 1, 10) AS DATE) IS NULL THEN 'timestamp-format' ELSE 'timestamp-early' END
    WHEN `timestamp` < '2000-01-03' AND rowtime < TIMESTAMP '2000-01-01 00:00:00.000' THEN 'timestamp-early'
    -- Days that had gone before, and then the retention, with a day to spare behind what the collector has let in. (An interval holds
    -- 999 days.)
    WHEN `timestamp` < {text:keptFromText} AND rowtime < TIMESTAMP {text:keptFrom} THEN 'timestamp-retention'
    WHEN arrived >= TIMESTAMP {text:retentionSince} AND TIMESTAMPDIFF(DAY, rowtime, arrived) >= CAST({text:retentionDays} AS INT)
      AND TIMESTAMPDIFF(DAY, FLOOR(rowtime TO DAY), FLOOR(arrived TO DAY)) > CAST({text:retentionDays} AS INT)
      THEN 'timestamp-retention'
    -- rowtime is whole seconds: only near the limit the rest of the date-time decides.
    WHEN rowtime > arrived + INTERVAL '299' SECOND(3) AND event_time > arrived + INTERVAL '300' SECOND(3)
      THEN 'timestamp-future'
    -- A number is handed on as it was written; the cast alone would also take NaN, which no sum survives.
    WHEN NOT REGEXP(revenue, '^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\z') THEN 'revenue-not-number'
    WHEN ABS(TRY_CAST(revenue AS DOUBLE)) > 1e9 THEN 'revenue-range'
    WHEN CHAR_LENGTH(platform) > 16 AND CAST(CAST(platform AS VARBINARY(64)) AS STRING) <> platform THEN 'platform-length'
    WHEN CHAR_LENGTH(country) > 16 AND CAST(CAST(country AS VARBINARY(64)) AS STRING) <> country THEN 'country-length'
    WHEN CHAR_LENGTH(device_type) > 16 AND CAST(CAST(device_type AS VARBINARY(64)) AS STRING) <> device_type
      THEN 'device-type-length'
    ELSE ''
  END AS reason
FROM dated;

-- Each event_id once: what the topic holds first wins, since the key of a record is its event_id. What a job before this one has
-- stored is read again only to be remembered, where the state was rebuilt: up to an offset of each partition. Elsewhere there is no
-- such offset, and the planner takes the condition away.
CREATE TEMPORARY VIEW accepted AS
SELECT
  event_id, user_id, campaign_id, event_type, event_time, rowtime, revenue, platform, country, device_type,
  CASE
    WHEN {text:storedUntil} = '' THEN FALSE
    ELSE COALESCE(`offset` < CAST(SPLIT_INDEX({text:storedUntil}, ',', `partition`) AS BIGINT), FALSE)
  END AS is_stored
FROM (
  SELECT
    event_id, user_id, campaign_id, event_type, event_time, rowtime,
    -- Absent and -0 are 0. (The planner would take `+ 0` away again.)
    COALESCE(NULLIF(TRY_CAST(revenue AS DOUBLE), 0e0), 0e0) AS revenue,
    platform, country, device_type, `partition`, `offset`,
    -- 16 bytes stand for the id, however long it is. Of SHA-256: those of MD5 can be made equal on purpose.
    ROW_NUMBER() OVER (PARTITION BY UNHEX(SUBSTRING(SHA256(event_id), 1, 32)) ORDER BY proc ASC) AS occurrence
  FROM judged
  WHERE reason = ''
)
WHERE occurrence = 1;

-- Revenue in whole millionths: the cast goes by the shortest decimal form and rounds half away from zero. Their sum is exact.
CREATE TEMPORARY VIEW windows AS
SELECT
  campaign_id,
  window_start,
  window_end,
  COUNT(*) FILTER (WHERE event_type = 'impression') AS impressions,
  COUNT(*) FILTER (WHERE event_type = 'click') AS clicks,
  COUNT(*) FILTER (WHERE event_type = 'conversion') AS conversions,
  SUM(CAST(revenue AS DECIMAL(16, 6))) * 1000000 AS millionths
FROM TABLE(TUMBLE(TABLE accepted, DESCRIPTOR(rowtime), INTERVAL {text:windowSeconds} SECOND(5)))
GROUP BY campaign_id, window_start, window_end;

-- The lines as text; and as RFC 8259 wants them, after what the format takes beyond it has been put right: a byte order mark, and control
-- characters inside of strings. (Between values a control character stays an error, as the x that it becomes.)
CREATE TEMPORARY VIEW texts AS
SELECT
  *,
  CAST(line AS STRING) AS text,
  REGEXP_REPLACE(REGEXP_REPLACE(REGEXP_REPLACE(CAST(line AS STRING), '^\x{FEFF}', ''), '[\t\n\r]', ' '), '[\x00-\x1f]', 'x') AS strict
FROM lines;

-- The cheapest question first. The planner puts the parts of a condition in another order, those of a CASE it leaves where they are.
CREATE TEMPORARY VIEW looked_at AS
SELECT
  arrived,
  `partition`,
  `offset`,
  line,
  time_type,
  CASE
    WHEN line IS NULL THEN 'syntax'
    -- A line of plain names and values is JSON for certain, and a pattern sees that sooner than a parser.
    WHEN REGEXP(
      text,
      '^\{"\w{1,64}":(?:"[ !#-\[\]-~]*"|-?(?:0|[1-9]\d{0,15}+)(?:\.\d{1,20}+)?|null)(?:,"\w{1,64}":(?:"[ !#-\[\]-~]*"|-?(?:0|[1-9]\d{0,15}+)(?:\.\d{1,20}+)?|null))*+\}\z')
      THEN ''
    -- The format takes the objects out of an array as well.
    WHEN NOT (strict IS JSON OBJECT OR (REGEXP(strict, '^ *+\[ *+\{') AND strict IS JSON ARRAY)) THEN 'syntax'
    -- A number of more than 1000 characters stops the format, not the parser.
    WHEN REGEXP(text, '[:,\[]\s*+-?\d[-+.eE0-9]{1000}') THEN 'syntax'
    -- Not UTF-8 even in the format's loose sense, told over the Latin-1 form: one character a byte.
    WHEN NOT REGEXP(
      DECODE(line, 'ISO-8859-1'),
      '^(?:[\x00-\x7f]++|[\xc0-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf7][\x80-\xbf]{3})*+\z')
      THEN 'syntax'
    ELSE ''
  END AS reason
FROM texts;

EXECUTE STATEMENT SET BEGIN

-- The columns are named: other programs may have added more, which stay null.
INSERT INTO lake.campaigns.campaign_events
  /*+ OPTIONS('distribution-mode' = 'none', 'branch' = 'main', 'upsert-enabled' = 'false', 'overwrite-enabled' = 'false') */
  (event_id, user_id, campaign_id, event_type, `timestamp`, revenue, platform, country, device_type)
SELECT event_id, user_id, campaign_id, event_type, event_time, revenue, platform, country, device_type
FROM accepted
WHERE NOT is_stored;

INSERT INTO lake.campaigns.campaign_metrics
  /*+ OPTIONS('distribution-mode' = 'none', 'branch' = 'main', 'upsert-enabled' = 'false', 'overwrite-enabled' = 'false') */
  (campaign_id, window_start, window_end, impressions, clicks, conversions, revenue, ctr_percent, cvr_percent, processed_at)
SELECT
  campaign_id,
  CAST(window_start AS TIMESTAMP(6)),
  CAST(window_end AS TIMESTAMP(6)),
  impressions,
  clicks,
  conversions,
  CAST(millionths AS DOUBLE) / 1e6,
  CASE WHEN impressions > 0 THEN clicks * 100e0 / impressions END,
  CASE WHEN clicks > 0 THEN conversions * 100e0 / clicks END,
  CAST(CURRENT_TIMESTAMP AS TIMESTAMP(6))
FROM windows
-- A window that was closed before the state was rebuilt has its row. (With a sum in it, the condition stays behind the aggregation.)
WHERE window_end > TIMESTAMP {text:closedUntil} OR impressions < 0;

-- `lines` gives what `json_events` cannot: exactly the records in which Flink's JSON format finds no object.
INSERT INTO rejected
SELECT
  reason,
  CASE WHEN time_type = 'LogAppendTime' THEN arrived ELSE CAST(CURRENT_TIMESTAMP AS TIMESTAMP(3)) END,
  `partition`,
  `offset`,
  CAST(NULL AS BYTES)
FROM judged
WHERE reason <> ''
UNION ALL
SELECT
  CASE WHEN time_type = 'LogAppendTime' THEN reason ELSE 'sender-time' END,
  CASE WHEN time_type = 'LogAppendTime' THEN arrived ELSE CAST(CURRENT_TIMESTAMP AS TIMESTAMP(3)) END,
  `partition`,
  `offset`,
  line
FROM looked_at
-- Not `reason <> ''`, which the planner would make into a condition of the parts again.
WHERE CHAR_LENGTH(reason) > 0;

END;
