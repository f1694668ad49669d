"""REST: what a page or another server needs, over the same services as the native protocol. One error shape."""

from fastapi import FastAPI

from madang.transports.app import App


def http_app(app: App) -> FastAPI:
    """Make the ASGI application of the public listener."""
    api = FastAPI(title="Madang", docs_url=None, redoc_url=None)

    @api.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "live"}

    @api.get("/readyz")
    async def readyz() -> dict[str, str]:
        return {"status": "draining" if app.gate.draining else "ready"}

    return api
