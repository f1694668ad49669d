"""The Helm chart holds together: its values fit their schema, its templates name values that exist, and use them all.

Where `helm` is installed it renders the chart, too.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest
import yaml

from madang.config import Settings

CHART: Final = Path(__file__).resolve().parents[2] / "deploy" / "helm" / "madang"
VALUES: Final = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA: Final = json.loads((CHART / "values.schema.json").read_text())
TEMPLATES: Final = "".join(path.read_text() for path in (CHART / "templates").iterdir())
DRAIN_S: Final = 10
EVERYTHING: Final = (
    "urls.database=postgresql://madang:x@db/madang,urls.bus=redis://bus,ingress.enabled=true,ingress.host=yard.example,"
    "ingress.tlsSecret=tls,podMonitor.enabled=true,podMonitor.tokenSecret=metrics,autoscaling.enabled=true,settings.max_sockets=50000,settings.ping_s=20.5"
)


def places(values: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    """Return every value's place; what the schema leaves open is one value."""
    for name, value in values.items():
        inside = schema["properties"][name].get("properties")
        if inside is None:
            yield name
        else:
            yield from (f"{name}.{place}" for place in places(value, schema["properties"][name]))


def test_the_values_fit_their_schema_and_no_misspelt_one_does() -> None:
    jsonschema_rs.validate(SCHEMA, VALUES)
    for wrong in (
        {"replica": 3},
        {"urls": {"database": "sqlite:///x"}},
        {"settings": {"port": 9000}},
        {"service": {"type": "clusterip"}},
    ):
        with pytest.raises(jsonschema_rs.ValidationError):
            jsonschema_rs.validate(SCHEMA, VALUES | wrong)


def test_templates_and_values_name_the_same() -> None:
    known = set(places(VALUES, SCHEMA))
    named = {match.removesuffix(".") for match in re.findall(r"\.Values\.([A-Za-z.]+)", TEMPLATES)}
    assert named == known
    given = set(SCHEMA["properties"]) - {"global"}  # Helm's own
    assert given == set(VALUES)


def test_settings_exist() -> None:
    known = set(Settings.model_fields)
    assert set(VALUES["settings"]) <= known
    assert set(SCHEMA["properties"]["settings"]["propertyNames"]["not"]["enum"]) <= known


def test_a_pod_has_the_time_it_needs_and_the_image_its_user() -> None:
    (grace,) = re.findall(r"terminationGracePeriodSeconds: (\d+)", TEMPLATES)
    assert int(grace) > DRAIN_S
    dockerfile = (CHART.parents[1] / "docker" / "Dockerfile").read_text()
    (user,) = re.findall(r"useradd .*--uid (\d+)", dockerfile)
    assert f"runAsUser: {user}" in TEMPLATES
    for path in ("/livez", "/readyz"):
        assert f"path: {path}," in TEMPLATES


def test_helm_renders_it_where_there_is_one() -> None:
    if helm := shutil.which("helm"):
        for given in ("urls.existingSecret=madang", EVERYTHING):
            command = [helm, "template", "yard", str(CHART), "--kube-version", "1.30.0", "--set", given]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
            kinds = [part["kind"] for part in yaml.safe_load_all(done.stdout) if part]
            assert "Deployment" in kinds and "Service" in kinds
