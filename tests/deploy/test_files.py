"""The files for containers and Kubernetes: well-formed, closed, and with our own settings alone."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from config.environment.names import ALL
from config.environment.version import VERSION
from config.server import GRACE
from tests.server.forks import ROOT

pytestmark = pytest.mark.fast

DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "container/compose.yaml").read_text())
CONTAINERFILE = (DEPLOY / "container/Containerfile").read_text()
OBJECTS = [
    each
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for each in yaml.safe_load_all(path.read_text())
]
OTHERS = {"PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
IMAGE = f"flowlatch:{VERSION}"


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for each in OBJECTS:
        if "template" in each.get("spec", {}):
            yield each["metadata"]["name"], each["spec"]["template"]["spec"]


def containers() -> Iterator[dict[str, Any]]:
    for _, pod in pods():
        yield from (*pod.get("initContainers", []), *pod["containers"])


def ours() -> list[dict[str, Any]]:
    return [each for each in COMPOSE["services"].values() if each["image"].startswith("flowlatch")]


def test_every_setting_that_they_name_is_one_of_ours() -> None:
    named = {entry["name"] for each in containers() for entry in each.get("env", [])}
    named |= {name for each in ours() for name in each["environment"]}
    named |= set(re.findall(r"^ +([A-Z_]+)=\S+ \\?$", CONTAINERFILE, re.MULTILINE))
    for path in (DEPLOY / "systemd").iterdir():
        named |= set(re.findall(r"^(?:#?Environment=)?([A-Z_]+)=", path.read_text(), re.MULTILINE))
    assert {"PUBLIC_URL", "DATABASE_URL_FILE", "FLOWLATCH_DATA"} <= named
    assert named - ALL - OTHERS == set()


def test_they_run_this_version() -> None:
    images = {each["image"] for each in (*containers(), *ours())}
    assert images == {IMAGE}
    assert IMAGE in CONTAINERFILE
    jobs = [each["metadata"]["name"] for each in OBJECTS if each["kind"] == "Job"]
    assert jobs == [f"flowlatch-migrate-{VERSION.replace('.', '-')}"]


def test_no_container_of_ours_may_more_than_it_needs() -> None:
    for name, pod in pods():
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True, name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
    for each in containers():
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert each["resources"]["limits"]["memory"]
    for each in ours():
        assert each["read_only"] is True
        assert each["cap_drop"] == ["ALL"]
    users = re.findall(r"^USER (\d+):(\d+)$", CONTAINERFILE, re.MULTILINE)
    assert users == [("10001", "10001")]
    assert "--require-hashes" in CONTAINERFILE


def test_secrets_come_from_files_alone() -> None:
    secret = re.compile(r"://[^/\s]*:[^/\s]+@")
    for path in (DEPLOY / "kubernetes/web.yaml", DEPLOY / "kubernetes/worker.yaml"):
        assert not secret.search(path.read_text())
    for each in ours():
        assert set(each["secrets"]) <= set(COMPOSE["secrets"])


def test_the_image_has_all_that_the_server_reads() -> None:
    copied = set(re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINERFILE, re.MULTILINE))
    names = {name for line in copied for name in line.split()}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    needed = {"manage.py", "pyproject.toml", "requirements.txt", "static", "templates"}
    assert packages | needed <= names
    for name in names:
        assert (ROOT / name).exists(), name


def test_a_stop_has_the_time_that_running_answers_get() -> None:
    web = next(pod for name, pod in pods() if name == "flowlatch")
    env = {entry["name"]: entry["value"] for entry in web["containers"][0]["env"]}
    delay = int(env["SHUTDOWN_DELAY"])
    assert web["terminationGracePeriodSeconds"] >= GRACE + delay + 10
    for each in ours():
        assert int(each["stop_grace_period"].removesuffix("s")) > GRACE + 10


def test_what_an_object_names_is_there() -> None:
    by_kind = {(each["kind"], each["metadata"]["name"]) for each in OBJECTS}
    for _, pod in pods():
        for volume in pod["volumes"]:
            if "secret" in volume:
                assert ("Secret", volume["secret"]["secretName"]) in by_kind
        mounted = {m["name"] for c in pod["containers"] for m in c["volumeMounts"]}
        assert mounted <= {volume["name"] for volume in pod["volumes"]}
    assert {kind for kind, _ in by_kind} == {
        *("Deployment", "Service", "Ingress", "Secret", "PodDisruptionBudget", "Job"),
    }


def test_what_the_proxy_of_compose_replaces_is_in_the_file() -> None:
    (_, _, script) = COMPOSE["services"]["proxy"]["command"]
    replaced = re.findall(r"s([/#])(.+?)\1(.+?)\1", script)
    assert len(replaced) == 4
    text = (DEPLOY / "nginx/flowlatch.conf").read_text()
    for _, old, _ in replaced:
        assert old in text
    addresses = {
        each["networks"]["inside"]["ipv4_address"]
        for name, each in COMPOSE["services"].items()
        if name.startswith("web")
    }
    assert {f"{address}:8000" for address in addresses} <= {new for _, _, new in replaced}
    proxy = COMPOSE["services"]["proxy"]["networks"]["inside"]["ipv4_address"]
    assert {each["environment"]["TRUSTED_PROXIES"] for each in ours()} == {proxy}
