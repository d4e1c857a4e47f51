"""Letters to send, and certificates to trust."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.channels.letter import Letter
from tests.services.channels.mail_server import make_certificate

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def a_letter(**changes: object) -> Letter:
    plain: dict[str, object] = {
        "id": "m_0123456789abcdef",
        "subject": "Safer insulin was completed",
        "text": "Safer insulin was completed.\n\n.A line that begins with a dot, and “quotes”.\n",
        "html": "<p>Safer insulin was completed.</p>\n",
        "marked": "Safer insulin was completed.\n",
        "at": NOON,
    }
    return Letter(**(plain | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a server that is called localhost."""
    return make_certificate(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def foreign_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a server that is called otherwise."""
    return make_certificate(tmp_path_factory.mktemp("certificates"), "elsewhere.test")
