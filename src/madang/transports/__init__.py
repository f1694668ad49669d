"""Glue between the network and the services: parse, call, write. No policy lives here."""
