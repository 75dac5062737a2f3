-- Runs once, when the database cluster is made: a database for the Iceberg catalog and one for Superset's own tables,
-- each with an owner who sees nothing of the other. Passwords come from the environment of the server's container.

\getenv iceberg_password ICEBERG_PASSWORD
\getenv superset_password SUPERSET_DATABASE_PASSWORD

CREATE ROLE iceberg LOGIN PASSWORD :'iceberg_password';
CREATE DATABASE iceberg OWNER iceberg;
REVOKE CONNECT ON DATABASE iceberg FROM PUBLIC;

CREATE ROLE superset LOGIN PASSWORD :'superset_password';
CREATE DATABASE superset OWNER superset;
REVOKE CONNECT ON DATABASE superset FROM PUBLIC;
