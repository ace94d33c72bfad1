import pytest

from hairtrigger.errors import ConfigError
from hairtrigger.server.settings import Settings, from_environment, variable


def test_without_anything_the_defaults_hold_and_only_this_machine_is_served() -> None:
    settings = from_environment({})

    assert (settings.host, settings.port) == ("127.0.0.1", 3030)
    assert settings == Settings()


def test_what_is_given_wins_over_the_environment_and_that_over_the_default() -> None:
    environ = {"HAIRTRIGGER_PORT": "4000", "HAIRTRIGGER_HOST": "0.0.0.0"}

    settings = from_environment(environ, port=5000, host=None)

    assert (settings.port, settings.host) == (5000, "0.0.0.0")


@pytest.mark.parametrize(("text", "ms"), [("15000", 15_000), ("15s", 15_000), ("1m30s", 90_000)])
def test_a_duration_is_read_as_ms_or_as_text(text: str, ms: int) -> None:
    assert from_environment({"HAIRTRIGGER_LEASE_MS": text}).lease_ms == ms


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///data/h.db", "data/h.db"),
        ("sqlite:////var/h.db", "/var/h.db"),
        ("./h.db", "h.db"),
        ("sqlite:///:memory:", ":memory:"),
    ],
)
def test_a_database_url_names_a_file(url: str, file: str) -> None:
    assert Settings(database=url).database_file() == file


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "70000"),
        ("port", "no"),
        ("port", "-1"),
        ("lease_ms", "soon"),
        ("lease_ms", "0"),
        ("log_format", "xml"),
        ("database", "mysql://db/h"),
        ("database", "sqlite:///"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_the_name_of_its_variable(
    name: str, value: str
) -> None:
    with pytest.raises(ConfigError, match=variable(name)):
        from_environment({variable(name): value})


def test_somebody_has_to_sign_in_unless_it_is_said_otherwise() -> None:
    assert Settings().login == "password"
    assert Settings(login="none").login == "none"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "jobs.example.com", ""])
def test_nobody_is_asked_only_where_nobody_else_can_come(host: str) -> None:
    with pytest.raises(ConfigError, match=r"HAIRTRIGGER_LOGIN is 'none'.*HAIRTRIGGER_HOST"):
        Settings(login="none", host=host)

    assert Settings(login="proxy", host=host).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_may_go_without_a_login(host: str) -> None:
    assert Settings(login="none", host=host).login == "none"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("login", "anybody"),
        ("login", "None"),
        ("trusted_proxies", "proxy.example.com"),
        ("trusted_proxies", "10.0.0.0/99"),
        ("session_ms", "0"),
    ],
)
def test_a_login_that_cannot_be_is_refused_by_the_name_of_its_variable(
    name: str, value: str
) -> None:
    with pytest.raises(ConfigError, match=variable(name)):
        from_environment({variable(name): value})


def test_a_proxy_has_to_say_who_comes_somewhere() -> None:
    with pytest.raises(ConfigError, match="HAIRTRIGGER_PROXY_USER_HEADER"):
        Settings(login="proxy", proxy_user_header="")
