"""The same database, entered as one of the roles of the house: a URL, so that a process can be told it too."""


def as_role(url: str, role: str) -> str:
    """A URL of the database at which whoever connects acts as the role from the first statement on."""
    return f"{url}{'&' if '?' in url else '?'}options=-crole%3D{role}"
