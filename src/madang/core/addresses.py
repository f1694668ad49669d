"""How the address of a server is written for people and in URLs. How it is reached is another matter."""


def host_port(host: str, port: int) -> str:
    """Return a host and a port as they stand in a URL: an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
