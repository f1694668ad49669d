"""Read-only streams over HTTP (server-sent events): on the same rooms as everybody, for stages, dashboards and backends."""
