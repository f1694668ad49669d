"""The only place that imports drivers: a folder for each database and bus. Adapters do not import each other."""
