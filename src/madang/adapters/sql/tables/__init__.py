"""The tables, as they are after all migrations; a test compares the two.

Tables, keys, and for every index the query that it serves. The history of the schema is in `migrations/`; no query is here.
"""

from madang.adapters.sql.tables.columns import metadata
from madang.adapters.sql.tables.consumers import consumer_positions, consumers
from madang.adapters.sql.tables.identities import account_sessions, accounts, erasures, logins, used_tickets, users
from madang.adapters.sql.tables.log import events, members, mentions, pins, reaction_counts, reactions, rooms
from madang.adapters.sql.tables.moderation import audit, bans, invites, kicks, mutes, reports, word_lists
from madang.adapters.sql.tables.nodes import installation, leases, secrets, server_keys
from madang.adapters.sql.tables.papers import paper_renderings, paper_snapshots, paper_updates, paper_versions, papers

__all__ = [
    "account_sessions",
    "accounts",
    "audit",
    "bans",
    "consumer_positions",
    "consumers",
    "erasures",
    "events",
    "installation",
    "invites",
    "kicks",
    "leases",
    "logins",
    "members",
    "mentions",
    "metadata",
    "mutes",
    "paper_renderings",
    "paper_snapshots",
    "paper_updates",
    "paper_versions",
    "papers",
    "pins",
    "reaction_counts",
    "reactions",
    "reports",
    "rooms",
    "secrets",
    "server_keys",
    "used_tickets",
    "users",
    "word_lists",
]
