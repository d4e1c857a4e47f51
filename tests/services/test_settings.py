"""Settings are read once; whatever is wrong is said all together, and no secret is ever said."""

import os
from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from services.settings import Secret, Settings, WrongSettings, without_password


def test_nothing_needs_to_be_set() -> None:
    settings = Settings.read({})
    assert settings.environment == "development"
    assert settings.database_url is None
    assert settings.data_directory.is_absolute()
    assert settings.data_directory.name == "qiledger"


def test_what_is_set_is_read() -> None:
    settings = Settings.read(
        {
            "QILEDGER_DATABASE_URL": "postgresql://api:s3cret@db/qiledger",
            "QILEDGER_REDIS_URL": "unix:///run/valkey.sock?db=0",
            "QILEDGER_PORT": "0",
            "QILEDGER_DATA_DIRECTORY": "/var/lib/qi ledger",
            "QILEDGER_LOG_FORMAT": "json",
            "PORT": "not ours",
        }
    )
    assert settings.database_url == "postgresql://api:s3cret@db/qiledger"
    assert settings.port == 0
    assert settings.data_directory == Path("/var/lib/qi ledger")
    assert settings.log_format == "json"


def test_every_wrong_value_is_named_together_with_what_to_do() -> None:
    with pytest.raises(WrongSettings) as refusal:
        Settings.read(
            {
                "QILEDGER_DATABASE_URL": "mysql://db",
                "QILEDGER_REDIS_URL": "localhost",
                "QILEDGER_PORT": "eighty",
                "QILEDGER_ENVIRONMENT": "prod",
                "QILEDGER_DATA_DIRECTORY": "relative/path",
                "QILEDGER_PUBLIC_URL": "qi.example.nhs.uk",
            }
        )
    message = str(refusal.value)
    assert len(refusal.value.wrongs) == 6
    for part in (
        "QILEDGER_DATABASE_URL=mysql://db: Give postgresql://",
        "QILEDGER_REDIS_URL=localhost: Give redis://",
        "QILEDGER_PORT=eighty: Give a port from 1 to 65535",
        "QILEDGER_ENVIRONMENT=prod: Give one of development, production.",
        "QILEDGER_DATA_DIRECTORY=relative/path: Give an absolute path.",
        "QILEDGER_PUBLIC_URL=qi.example.nhs.uk: Give https://host",
    ):
        assert part in message


@pytest.mark.parametrize("port", ["-1", "65536", "80.5", "８０80x"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(WrongSettings, match="QILEDGER_PORT"):
        Settings.read({"QILEDGER_PORT": port})


def test_an_empty_value_counts_as_none() -> None:
    assert Settings.read({"QILEDGER_DATABASE_URL": "", "QILEDGER_PORT": ""}) == Settings.read({})


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "database url"
    file.write_text("postgresql://api:s3cret@db/qiledger\n")
    assert Settings.read({"QILEDGER_DATABASE_URL_FILE": str(file)}).database_url == file.read_text().strip()


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match=r"QILEDGER_DATABASE_URL_FILE: .*missing cannot be read"):
        Settings.read({"QILEDGER_DATABASE_URL_FILE": str(tmp_path / "missing")})


def test_a_value_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match="both given"):
        Settings.read({"QILEDGER_HOST": "::1", "QILEDGER_HOST_FILE": str(tmp_path / "host")})


def test_a_slip_of_the_pen_is_pointed_out() -> None:
    with pytest.raises(WrongSettings, match="Did you mean QILEDGER_DATABASE_URL"):
        Settings.read({"QILEDGER_DATABSE_URL": "postgresql://db"})


def test_variables_of_scripts_and_tests_are_not_ours_to_judge() -> None:
    Settings.read(
        dict.fromkeys(
            ("QILEDGER_URL", "QILEDGER_API_KEY", "QILEDGER_TEST_DATABASE_URL", "QILEDGER_TEST_REDIS_URL"), "x"
        )
    )


def test_a_description_hides_what_is_secret() -> None:
    described = Settings.read(
        {
            "QILEDGER_DATABASE_URL": "postgresql://api:s3cr%40et:x@db:5432/qiledger?sslpassword=t0p",
            "QILEDGER_REDIS_URL": "redis://:s3@cr@r:6379/0",
        }
    ).describe()
    assert described["QILEDGER_DATABASE_URL"] == "postgresql://api:•••@db:5432/qiledger?sslpassword=•••"
    assert described["QILEDGER_REDIS_URL"] == "redis://:•••@r:6379/0"
    assert described["QILEDGER_PUBLIC_URL"] == "(not set)"
    assert described["QILEDGER_PORT"] == "8080"


@pytest.mark.parametrize("text", ["plain", "/a/path", "http://me@host/a", "postgresql://host/db?host=%2Ftmp"])
def test_what_holds_no_password_is_shown_whole(text: str) -> None:
    assert without_password(text) == text


def test_a_new_setting_is_one_line() -> None:
    class Larger(Settings, frozen=True, kw_only=True):
        master_key: Secret | None = None
        batch_max: int = 200

    larger = Larger.read({"QILEDGER_MASTER_KEY": "abc", "QILEDGER_BATCH_MAX": "7", "QILEDGER_PORT": "1"})
    assert (larger.master_key, larger.batch_max, larger.port) == ("abc", 7, 1)
    assert larger.describe()["QILEDGER_MASTER_KEY"] == "•••"
    assert larger.describe()["QILEDGER_BATCH_MAX"] == "7"


@pytest.mark.parametrize(
    "wrong",
    ["postgres//api:s3cret@db", "host=db password=s3cret", "mysql://api:s3c@s3cret/x@db/x?password=s3cret"],
)
def test_a_password_in_a_wrong_value_is_not_told_in_the_refusal(wrong: str) -> None:
    with pytest.raises(WrongSettings, match="QILEDGER_DATABASE_URL=") as refusal:
        Settings.read({"QILEDGER_DATABASE_URL": wrong})
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize(
    "password", ["ab@s3cret", "ab/s3cret", "ab?s3cret", "ab#s3cret", "ab%s3cret", "1/s3cret"]
)
def test_a_password_that_would_be_taken_for_a_host_is_to_be_escaped(password: str) -> None:
    variables = {"QILEDGER_DATABASE_URL": f"postgresql://qi:{password}@db:5432/qiledger"}
    if "@" not in password and "%" not in password:  # those are understood there
        variables |= {
            "QILEDGER_REDIS_URL": f"redis://:{password}@r:6379/0",
            "QILEDGER_SMTP_URL": f"smtp://qi:{password}@mail:587",
        }
    with pytest.raises(WrongSettings, match="@ as %40") as refusal:
        Settings.read(variables)
    assert [wrong.partition("=")[0] for wrong in refusal.value.wrongs] == list(variables)
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///qiledger?host=/tmp/a%20b&user=me",
        "postgresql://me@%2Frun%2Fpostgres/qiledger",
        "postgres://me:p%40s%2Fs:x@[::1]:5432,db.example:5433/qi%40ledger?sslmode=require&application_name=a%40b",
    ],
)
def test_an_address_that_is_whole_is_taken(url: str) -> None:
    assert Settings.read({"QILEDGER_DATABASE_URL": url}).database_url == url


def test_a_wrong_secret_is_not_told_in_the_refusal() -> None:
    class Larger(Settings, frozen=True, kw_only=True):
        master_key: Annotated[Secret, msgspec.Meta(min_length=32, description="Give 32 letters or more.")] = (
            ""
        )

    with pytest.raises(WrongSettings, match="QILEDGER_MASTER_KEY=•••: Give 32 letters") as refusal:
        Larger.read({"QILEDGER_MASTER_KEY": "s3cret"})
    assert "s3cret" not in str(refusal.value)


def test_without_an_argument_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("QILEDGER_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("QILEDGER_PORT", "4711")
    assert Settings.read().port == 4711
