"""The second listener, loopback by default: metrics and administration. User tokens mean nothing here."""

from fastapi import FastAPI

from madang.transports.app import App


def admin_app(app: App, database_url: str) -> FastAPI:
    """Make the ASGI application of the admin listener."""
    return FastAPI(title="Madang administration", docs_url=None, redoc_url=None)
