"""Where settings come from, which source wins, and what is said about those that are wrong."""

import re
from pathlib import Path
from typing import Any, Final

import pytest

from madang.config import Settings, load, unknown_variables
from madang.config.groups import GROUPS, key_in_table
from madang.errors import SetupError


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("MADANG_")]:
        monkeypatch.delenv(name)


def written(folder: Path, text: str) -> Path:
    file = folder / "madang.toml"
    file.write_text(text)
    return file


def test_without_anything_it_is_one_process_on_a_laptop() -> None:
    settings = load()
    assert (settings.host, settings.port, settings.admin_host, settings.bus) == (
        "127.0.0.1",
        8400,
        "127.0.0.1",
        "memory:",
    )
    assert settings.database_url == f"sqlite:///{Path.cwd() / 'data' / 'madang.db'}"


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, 'port = 1\nadmin_port = 1\nmax_text = 1\norigins = ["https://a.example"]\n')
    monkeypatch.setenv("MADANG_PORT", "2")
    monkeypatch.setenv("MADANG_ADMIN_PORT", "2")
    settings = load(file, port=3, data=None)
    assert (settings.port, settings.admin_port, settings.max_text) == (3, 2, 1)
    assert settings.origins == ["https://a.example"]
    assert settings.data == Path("data"), "an option that is not given changes nothing"


def test_a_file_by_groups_says_the_same_as_one_by_full_names(tmp_path: Path) -> None:
    grouped = """
        [server]
        port = 1
        origins = ["https://a.example"]
        [database]
        url = "postgresql://host/database"
        [bus]
        url = "redis://host"
        channels = "room"
        [limits]
        user_rate = 2
        [log]
        level = "error"
    """
    flat = """
        port = 1
        origins = ["https://a.example"]
        database = "postgresql://host/database"
        bus = "redis://host"
        bus_channels = "room"
        user_rate = 2
        log_level = "error"
    """
    by_groups = load(written(tmp_path, grouped))
    assert by_groups == load(written(tmp_path, flat)) != load()


def test_a_file_may_have_some_settings_in_tables_and_others_above(tmp_path: Path) -> None:
    settings = load(written(tmp_path, 'bus = "redis://host"\n[log]\nlevel = "error"\n'))
    assert (settings.bus, settings.log_level) == ("redis://host", "error")


def test_the_environment_wins_over_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MADANG_BUS_CHANNELS", "all")
    assert load(written(tmp_path, '[bus]\nchannels = "room"')).bus_channels == "all"


def test_every_setting_is_in_one_group_under_a_name_of_its_own() -> None:
    names = [name for fields in GROUPS.values() for name in fields.model_fields]
    assert sorted(names) == sorted(Settings.model_fields), "a group is missing, or two settings share a name"
    for group, fields in GROUPS.items():
        assert fields.__doc__
        keys = [key_in_table(group, name) for name in fields.model_fields]
        assert len(set(keys)) == len(keys), group


def test_lists_in_the_environment_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MADANG_ORIGINS", '["https://a.example", "http://b.example:8080"]')
    assert load().origins == ["https://a.example", "http://b.example:8080"]


@pytest.mark.parametrize(
    ("variables", "file", "given", "says"),
    [
        ({"PORT": "many"}, "", {}, "port"),
        ({"PORT": "70000"}, "", {}, "port"),
        ({"ORIGINS": "https://a.example"}, "", {}, "origins"),
        ({"ORIGINS": '["https://a.example/"]'}, "", {}, "origins"),
        ({"ORIGINS": '["a.example"]'}, "", {}, "origins"),
        ({"ORIGINS": '["https://*.example"]'}, "", {}, "must be a list of origins: https://NAME"),
        ({"ORIGINS": '["ftp://a.example"]'}, "", {}, "origins"),
        ({"ORIGINS": '["https://127.1"]'}, "", {}, "origins"),
        ({"HOSTS": '["https://a.example"]'}, "", {}, "hosts"),
        ({"HOSTS": '["a.example:8400"]'}, "", {}, "hosts"),
        ({"HOSTS": '["*.example"]'}, "", {}, "hosts"),
        ({"TRUSTED_PROXIES": '["nginx"]'}, "", {}, "trusted_proxies"),
        ({"TRUSTED_PROXIES": '["10.0.0.0/33"]'}, "", {}, "trusted_proxies"),
        ({"LOG_LEVEL": "loud"}, "", {}, "log_level"),
        ({}, "port = 'x'", {}, "port"),
        ({}, "prot = 1", {}, "prot"),
        ({}, "[server]\nport = 'x'", {}, "port"),
        ({}, "[server]\nprot = 1", {}, "server.prot"),
        ({}, "[servers]\nport = 1", {}, "servers"),
        ({}, "[limits]\nport = 1", {}, "limits.port"),
        ({}, "[bus]\nbus_channels = 'room'", {}, "bus.bus_channels"),
        ({}, "[bus.channels]\na = 1", {}, "bus_channels"),
        ({}, "server = 1", {}, "server"),
        ({}, "port = 1\n[server]\nport = 2", {}, "sets port twice"),
        ({}, "port = {a = 1}", {}, "port"),
        ({}, "port = ", {}, "is not TOML: invalid value (at"),
        ({}, "user_rate = -1", {}, "user_rate"),
        ({}, "", {"max_text": 0}, "max_text"),
    ],
)
def test_what_is_wrong_is_named(
    variables: dict[str, str],
    file: str,
    given: dict[str, Any],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"MADANG_{name}", value)
    with pytest.raises(SetupError) as wrong:
        load(written(tmp_path, file), **given)
    assert says in wrong.value.problem
    assert wrong.value.hint


LISTS = 'must be a list as JSON: ["one", "two"], not '
LEVELS = "The setting log_level must be debug, info, warning or error, not 'loud'."


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("PORT", "many", "The setting port must be a whole number, not 'many'. Correct MADANG_PORT."),
        ("PORT", "", "The setting port must be a whole number, not ''. Correct MADANG_PORT."),
        ("PORT", "70000", "The setting port must be 65535 or less, not '70000'. Correct MADANG_PORT."),
        ("PING_S", "nan", "The setting ping_s must be a number, not 'nan'. Correct MADANG_PING_S."),
        ("USER_RATE", "inf", "The setting user_rate must be a number, not 'inf'. Correct MADANG_USER_RATE."),
        ("PING_S", "0", "The setting ping_s must be 1 or more, not '0'. Correct MADANG_PING_S."),
        ("COMPRESSION", "some", "The setting compression must be true or false, not 'some'. Correct MADANG_COMPRESSION."),
        ("GUESTS", "some", "The setting guests must be open, keys or off, not 'some'. Correct MADANG_GUESTS."),
        ("JWT_ISSUERS", "secret", 'The setting jwt_issuers must be a list as JSON: ["one", "two"]. Correct MADANG_JWT_ISSUERS.'),
        ("LOG_LEVEL", "loud", f"{LEVELS} Correct MADANG_LOG_LEVEL."),
        ("ORIGINS", "a.example", f"The setting origins {LISTS}'a.example'. Correct MADANG_ORIGINS."),
        ("HOSTS", "{}", f"The setting hosts {LISTS}'{{}}'. Correct MADANG_HOSTS."),
        ("TRUSTED_PROXIES", '"10.0.0.1"', f"""The setting trusted_proxies {LISTS}'"10.0.0.1"'. Correct MADANG_TRUSTED_PROXIES."""),
        ("HOST", "", "The setting host must be an address of this machine, or 0.0.0.0 for every interface, not ''. Correct MADANG_HOST."),
        ("METRICS_TOKEN", "secret", "The setting metrics_token must be 16 or more of letters, digits and . _ ~ + / = -. Correct MADANG_METRICS_TOKEN."),
    ],
)  # fmt: skip
def test_a_wrong_value_gets_one_plain_sentence(
    variable: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"MADANG_{variable}", value)
    with pytest.raises(SetupError) as wrong:
        load()
    assert str(wrong.value) == sentence


WRONG: Final[dict[str, Any]] = {"number": "\x00", "integer": 3.5, "boolean": "\x00", "array": "\x00", "string": 1}
"""A value of each JSON type that no setting of that type takes."""


def test_no_setting_answers_a_wrong_type_in_the_words_of_the_library() -> None:
    for name, schema in Settings.model_json_schema()["properties"].items():
        with pytest.raises(SetupError) as wrong:
            load(None, **{name: WRONG[schema["type"]]})
        assert wrong.value.problem.startswith(f"The setting {name} must be "), wrong.value
        assert "another value" not in wrong.value.problem, name
        assert wrong.value.hint == f"Correct --{name.replace('_', '-')}."


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("foo = 3", "does not know foo"),
        ("name = 3", "must be a text in quotes as name"),
        ("", "needs name"),
        ('algorithms = "ES256"', "must be a list"),
    ],
)
def test_a_wrong_table_of_a_list_names_its_part(table: str, says: str, tmp_path: Path) -> None:
    name = "" if "name" in table or not table else 'name = "shop"\n'
    file = written(tmp_path, f"[[jwt.issuers]]\n{name}{table}\n")
    with pytest.raises(SetupError) as wrong:
        load(file)
    assert wrong.value.problem.startswith(f"The setting jwt_issuers {says}")
    assert wrong.value.hint == f"Correct jwt_issuers in {file}."


def test_it_says_which_place_to_correct(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, "port = 70000")
    with pytest.raises(SetupError, match=re.escape(f"Correct port in {file}.")):
        load(file)
    with pytest.raises(SetupError, match=r"Correct --port\."):
        load(file, port=70001)
    monkeypatch.setenv("MADANG_PORT", "70002")
    with pytest.raises(SetupError, match=r"Correct MADANG_PORT\."):
        load(file)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (latin := tmp_path / "latin.toml").write_bytes(b'host = "\xff"')
    for file, why in (
        (tmp_path / "missing.toml", "cannot be read: No such file or directory."),
        (tmp_path, "cannot be read: Is a directory."),
        (latin, "is not a text in UTF-8."),
    ):
        with pytest.raises(SetupError) as wrong:
            load(file)
        assert wrong.value.problem == f"The settings file {file} {why}"


def test_the_database_in_force(tmp_path: Path) -> None:
    assert load(data=tmp_path).database_url == f"sqlite:///{tmp_path}/madang.db"
    assert load(database="postgresql://x/y").database_url == "postgresql://x/y"


def test_names_in_the_environment_that_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MADANG_PORT", "MADANG_PROT", "MADANG_PYTHON", "OTHER"):
        monkeypatch.setenv(name, "1")
    assert unknown_variables() == ["MADANG_PROT"]


def test_every_setting_has_a_default_and_a_help_line() -> None:
    for name, field in Settings.model_fields.items():
        assert not field.is_required(), name
        assert field.description, name
        assert field.description.endswith("."), name


def test_several_issuers_are_a_list_of_tables(tmp_path: Path) -> None:
    text = """
        [jwt]
        secret = "a secret of the shop, 32 bytes long"
        [[jwt.issuers]]
        name = "staff"
        issuer = "https://login.example.com/"
        audience = "chat"
        jwks = "https://login.example.com/keys"
        algorithms = ["ES256"]
    """
    settings = load(written(tmp_path, text))
    (staff,) = settings.jwt_issuers
    assert (settings.jwt_secret[:8], staff.name, staff.algorithms, staff.secret) == ("a secret", "staff", ["ES256"], "")
    with pytest.raises(SetupError, match="jwt_issuers"):
        load(written(tmp_path, text.replace("audience", "audiense")))


@pytest.mark.parametrize(
    ("variable", "written", "means"),
    [
        *(("guests", each, each) for each in ("open", "keys", "off")),
        *(("guests", each, "open") for each in ("true", "True", True)),
        *(("guests", each, "keys") for each in ("false", False)),
        *(("create_rooms", each, each) for each in ("anyone", "accounts", "keys")),
        ("create_rooms", "everyone", "anyone"),
    ],
)
def test_who_may_come_in_is_understood_as_versions_before_wrote_it(variable: str, written: Any, means: str) -> None:
    assert getattr(load(None, **{variable: written}), variable) == means


@pytest.mark.parametrize("variable", ["guests", "create_rooms"])
def test_nobody_else_may_come_in_by_a_slip(variable: str) -> None:
    with pytest.raises(SetupError, match=variable):
        load(None, **{variable: "closed"})
