"""The only place that imports drivers: one folder per product, each implementing ports. Adapters do not know each other."""
