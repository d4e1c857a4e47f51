"""The files for containers, read by the programs that will read them; no engine is needed for that."""

import json
import os
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

HOUSE = Path(__file__).parents[2]
SCRIPTS = Path(sysconfig.get_path("scripts"))
SECRETS = ("POSTGRES_PASSWORD", "QILEDGER_API_PASSWORD", "QILEDGER_WORKER_PASSWORD", "VALKEY_PASSWORD")


def compose(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [
        str(SCRIPTS / "docker-compose"),
        "--env-file",
        os.devnull,
        "-f",
        str(HOUSE / "docker-compose.yml"),
    ]
    return subprocess.run(
        [*command, *arguments],
        env={"PATH": os.environ["PATH"], "HOME": os.devnull, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def house() -> dict[str, Any]:
    """The compose file as compose itself understands it."""
    printed = compose("config", "--format", "json", **dict.fromkeys(SECRETS, "s3cret"))
    assert printed.returncode == 0, printed.stderr
    return json.loads(printed.stdout)


def test_every_process_of_the_house_has_its_container(house: dict[str, Any]):
    assert set(house["services"]) == {
        "postgres",
        "valkey",
        "migrate",
        "api",
        "fresh",
        "past",
        "deliver",
        "long",
        "webhooks",
        "clock",
        "sweep",
        "sealer",
    }


@pytest.mark.parametrize("missing", SECRETS)
def test_a_house_without_its_secrets_is_not_begun(missing: str):
    given = dict.fromkeys(SECRETS, "s3cret")
    del given[missing]
    printed = compose("config", **given)
    assert printed.returncode != 0
    assert missing in printed.stderr


def test_the_example_names_every_secret():
    named = re.findall(r"^(\w+)=$", (HOUSE / "deploy/compose.env.example").read_text(), re.MULTILINE)
    assert sorted(named) == sorted(SECRETS)


WORKERS = ("fresh", "past", "deliver", "long", "webhooks", "clock", "sweep", "sealer")
READ_BY = {
    "QILEDGER_LOG_LEVEL": ("api", *WORKERS),
    "QILEDGER_MASTER_KEY": ("api", *WORKERS),
    "QILEDGER_PUBLIC_CHECKPOINTS": ("api",),
    "QILEDGER_WEBHOOK_NETWORKS": ("api", "webhooks"),
    "QILEDGER_WEBHOOK_CA": ("webhooks",),
    "QILEDGER_PUBLIC_URL": ("deliver", "sealer"),
    "QILEDGER_SMTP_URL": ("deliver",),
    "QILEDGER_MAIL_FROM": ("deliver",),
    "QILEDGER_NOTIFY_KEY": ("deliver",),
    "QILEDGER_NOTIFY_TEMPLATE": ("deliver",),
    "QILEDGER_CHAT_URLS": ("deliver",),
    "QILEDGER_SEALING_KEY": ("sealer",),
    "QILEDGER_SEALING_KEYS_BEFORE": ("sealer",),
    "QILEDGER_LOG_ORIGIN": ("sealer",),
    "QILEDGER_WITNESSES": ("sealer",),
}


def test_what_an_operator_sets_comes_to_each_process_that_reads_it():
    """What compose does not hand on would be set, and be without effect, and nobody would be told."""
    given = dict.fromkeys(SECRETS, "s3cret") | {name: f"the-{name}" for name in READ_BY}
    printed = compose("config", "--format", "json", **given)
    assert printed.returncode == 0, printed.stderr
    services = json.loads(printed.stdout)["services"]
    for name, processes in READ_BY.items():
        for process in processes:
            assert services[process]["environment"].get(name) == f"the-{name}", (process, name)


def test_each_process_comes_to_the_database_in_its_own_role(house: dict[str, Any]):
    roles = {
        name: re.match(r"postgresql://(\w+):", service["environment"]["QILEDGER_DATABASE_URL"])[1]  # type: ignore[index]
        for name, service in house["services"].items()
        if "QILEDGER_DATABASE_URL" in service.get("environment", {})
    }
    workers = dict.fromkeys(WORKERS, "qiledger_worker")
    assert roles == {"migrate": "postgres", "api": "qiledger_api", **workers}


def test_our_containers_can_do_no_more_than_they_need(house: dict[str, Any]):
    for name in (
        "api",
        "fresh",
        "past",
        "deliver",
        "long",
        "webhooks",
        "clock",
        "sweep",
        "sealer",
        "migrate",
    ):
        service = house["services"][name]
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_what_an_export_keeps_aside_is_on_a_disk_and_not_in_memory(house: dict[str, Any]):
    """`/tmp` is a tmpfs, which counts as memory of the container: the rows of a large organisation would end it."""
    api = house["services"]["api"]
    place = api["environment"]["TMPDIR"]
    (volume,) = [one for one in api["volumes"] if one["target"] == place]
    assert volume["type"] == "volume"
    assert not volume.get("read_only", False)
    made = re.search(r"install -d -o qiledger -m 0700 (.*)", (HOUSE / "deploy/Dockerfile").read_text())
    assert made is not None
    assert place in made[1].split()


def test_only_the_api_is_reached_from_outside_and_only_from_this_machine(house: dict[str, Any]):
    published = {name: service["ports"] for name, service in house["services"].items() if "ports" in service}
    assert list(published) == ["api"]
    assert published["api"][0]["host_ip"] == "127.0.0.1"


def test_the_dockerfile_passes_its_linter():
    linted = subprocess.run(
        [str(SCRIPTS / "hadolint"), str(HOUSE / "deploy/Dockerfile")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (linted.returncode, linted.stdout) == (0, "")
