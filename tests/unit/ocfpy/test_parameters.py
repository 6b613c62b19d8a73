"""Values as users write them: times, kinds, defaults, errors that help, and secrets that stay secret."""

import pytest

from galera_sync_guard.agent import AGENT
from ocfpy import (
    REQUIRED,
    AbsolutePath,
    AbsolutePaths,
    Action,
    Agent,
    Boolean,
    Choice,
    DeclarationError,
    Integer,
    ParameterError,
    ParameterSet,
    Secret,
    SecretText,
    Text,
    Time,
)
from ocfpy.parameters import format_seconds, parse_seconds
from tests.unit.builders import environ, policy


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("10sec", 10),
        ("10", 10),
        ("0", 0),
        ("0s", 0),
        ("007", 7),
        ("200ms", 0.2),
        ("1500msec", 1.5),
        ("500us", 0.0005),
        ("500usec", 0.0005),
        ("2m", 120),
        ("2min", 120),
        ("1h", 3600),
        ("1hr", 3600),
        ("10 s", 10),
        (" 7 ", 7),
        ("10S", 10),
        ("10Min", 600),
        ("3ms", 0.003),
    ],
)
def test_a_time_is_what_pacemaker_takes_for_one(text, seconds):
    assert parse_seconds(text) == pytest.approx(seconds)
    assert isinstance(parse_seconds(text), float)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "s",
        "ms",
        "-1",
        "-1s",
        "+1",
        "1.5",
        "1.5s",
        "1,5s",
        "10x",
        "10d",
        "10 s s",
        "1 0s",
        "10s10",
        "1e3",
        "PT10S",
        "0x10",
        "ten",
        "10_0",
        "\uff11\uff10s",
        "\u00b2s",
        "10\u00b5s",
        "inf",
        "nan",
        "1m30s",
        "9" * 400,
        "9" * 5000 + "h",
    ],
    ids=lambda text: ascii(text)[:20],
)
def test_nonsense_is_no_time(text):
    with pytest.raises(ValueError):
        parse_seconds(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.0005, "0.5ms"),
        (0.2, "200ms"),
        (1, "1s"),
        (1.5, "1.5s"),
        (10, "10s"),
        (12.345, "12.3s"),
        (3600, "3600s"),
    ],
)
def test_a_time_is_shown_as_an_administrator_writes_it(seconds, text):
    assert format_seconds(seconds) == text


@pytest.mark.parametrize("seconds", [0.0, 0.2, 1.0, 2.0, 10.0, 3600.0])
def test_a_time_that_is_shown_is_read_as_the_same(seconds):
    assert parse_seconds(format_seconds(seconds)) == pytest.approx(seconds)


def kind_of(kind, **options):
    """Return a parameter of that kind, without a default."""
    return kind(None, "short", "long", **options)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (kind_of(Text), "a b", "a b"),
        (kind_of(Text), "\u00fc", "\u00fc"),
        (kind_of(AbsolutePath), "/a b", "/a b"),
        (kind_of(AbsolutePaths), "/a b", ("/a b",)),
        (kind_of(AbsolutePaths), "/a:/b", ("/a", "/b")),
        (kind_of(Integer), "0", 0),
        (kind_of(Integer, minimum=1, maximum=65535), "65535", 65535),
        (kind_of(Integer, minimum=1, maximum=65535), "1", 1),
        (kind_of(Integer, minimum=-5), "-5", -5),
        (kind_of(Integer), " 5 ", 5),
        (kind_of(Time), "0", 0.0),
        (kind_of(Time, positive=True), "1ms", 0.001),
        *((kind_of(Boolean), word, True) for word in ("true", "yes", "on", "y", "1", "TRUE", "Yes")),
        *((kind_of(Boolean), word, False) for word in ("false", "no", "off", "n", "0", "OFF")),
        (kind_of(Choice, words=("a", "b")), "b", "b"),
    ],
)
def test_a_kind_gives_the_typed_value(kind, text, value):
    parsed = kind.convert(text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (kind_of(Text), "a\nb"),
        (kind_of(Text), "a\0"),
        (kind_of(AbsolutePath), "a/b"),
        (kind_of(AbsolutePath), "/a\nb"),
        (kind_of(AbsolutePath), "~/a"),
        (kind_of(AbsolutePaths), "/a:b"),
        (kind_of(AbsolutePaths), "/a:"),
        (kind_of(AbsolutePaths), "/a:/b\n"),
        (kind_of(Integer), "-1"),
        (kind_of(Integer), "1.0"),
        (kind_of(Integer), ""),
        (kind_of(Integer), "1_0"),
        (kind_of(Integer), "\u0661"),
        (kind_of(Integer), "x"),
        (kind_of(Integer), "9" * 5000),
        (kind_of(Integer), "0x1"),
        (kind_of(Integer, minimum=1, maximum=65535), "0"),
        (kind_of(Integer, minimum=1, maximum=65535), "65536"),
        (kind_of(Time, positive=True), "0"),
        (kind_of(Time, positive=True), "0ms"),
        (kind_of(Boolean), "maybe"),
        (kind_of(Boolean), "2"),
        (kind_of(Boolean), ""),
        (kind_of(Choice, words=("a", "b")), "c"),
        (kind_of(Choice, words=("a", "b")), "A"),
        (kind_of(Choice, words=("a", "b")), ""),
        (kind_of(SecretText), "a\nb"),
    ],
    ids=lambda value: ascii(value)[:20] if isinstance(value, str) else type(value).__name__,
)
def test_a_kind_refuses_what_is_not_allowed(kind, text):
    with pytest.raises(ValueError):
        kind.convert(text)


ACTIONS = [Action(name, None, "10s") for name in ("start", "stop", "monitor")]


def agent_of(**parameters):
    return Agent("example", "1", "short", "long", type("Example", (ParameterSet,), parameters), ACTIONS)


@pytest.mark.parametrize("parameter", AGENT.parameters, ids=lambda parameter: parameter.name)
def test_a_default_goes_through_the_parser_of_its_parameter(parameter):
    if parameter.default is None:
        assert parameter.default_value is None
    else:
        assert parameter.default_value == parameter.parse(parameter.default)
        assert isinstance(parameter.default, str)


# What an author declares, and the one line that an import of the module then ends with.
WRONG_DECLARATIONS = {
    "a default outside its kind": (
        {"port": lambda: Integer("10", "s", "l", minimum=1, maximum=9)},
        "parameter port: the default '10' is not allowed, must be a whole number from 1 to 9",
    ),
    "a default that is not a text": (
        {"port": lambda: Integer(10, "s", "l")},
        "parameter port: default must be a text, not 10",
    ),
    "a description that is not a text": (
        {"port": lambda: Integer("10", "s", ["l"])},
        "parameter port: short and long must be texts",
    ),
    "replaced by nothing": (
        {"host": lambda: Text(None, "s", "l", replaced_by="address")},
        "parameter host: replaced by address, which is unknown",
    ),
    "no words": (
        {"mode": lambda: Choice("a", "s", "l", words=())},
        "parameter mode: words must be a tuple of at least one word",
    ),
    "words that are one text": (
        {"mode": lambda: Choice("a", "s", "l", words=("abc"))},
        "parameter mode: words must be a tuple of at least one word",
    ),
    "the name of an attribute": ({"given": lambda: Text("", "s", "l")}, "parameter given: this name is reserved"),
    "a name of Python": ({"__dict__": lambda: Text("", "s", "l")}, "parameter __dict__: this name is reserved"),
    "the name of a meta attribute": (
        {"CRM_meta_timeout": lambda: Text("", "s", "l")},
        "parameter CRM_meta_timeout: this name is reserved",
    ),
}


@pytest.mark.parametrize(("parameters", "message"), WRONG_DECLARATIONS.values(), ids=WRONG_DECLARATIONS)
def test_a_wrong_declaration_is_found_when_it_is_declared(parameters, message):
    with pytest.raises(DeclarationError) as raised:
        agent_of(**{name: make() for name, make in parameters.items()})
    assert str(raised.value) == message


def test_two_parameters_of_one_name_are_a_wrong_declaration():
    with pytest.raises(DeclarationError, match=r"^parameter port: declared twice$"):

        class Twice(ParameterSet):
            port = Integer("1", "s", "l")
            port = Integer("2", "s", "l")  # noqa: PIE794


def test_one_word_is_a_choice():
    assert kind_of(Choice, words=("a",)).allowed == "a"


def test_a_required_parameter_without_a_value_says_so_where_it_is_read():
    parameters = agent_of(ip=Text(REQUIRED, "s", "l"), port=Integer("1", "s", "l")).parse_leniently({})
    assert parameters.port == 1
    with pytest.raises(ParameterError, match=r"^parameter ip must be set: it is required$"):
        _ = parameters.ip


def test_a_set_inherits_the_parameters_of_another():
    class Common(ParameterSet):
        port = Integer("1", "s", "l")

    class More(Common):
        path = AbsolutePath(None, "s", "l")

    assert [parameter.name for parameter in More.declared] == ["port", "path"]
    assert More({}).port == 1

    class Other(ParameterSet):
        host = Text("a", "s", "l")

    class Both(More, Other):
        port = Integer("2", "s", "l")

    assert [parameter.name for parameter in Both.declared] == ["host", "port", "path"]
    assert Both.declared[1].default == "2"
    assert Both({}).port == 2


def test_an_empty_value_counts_as_not_given():
    parameters = policy(probe_timeout="", host="")
    assert parameters.probe_timeout == 2.0
    assert parameters.host is None
    assert parameters.given == set()


def test_given_names_what_the_user_set_be_it_the_default():
    assert policy(user="root", mode="score").given == {"user", "mode"}


# A value that the guard does not allow, for every parameter that has one.
NOT_ALLOWED = {
    "mode": "both",
    "attribute": "a\nb",
    "socket": "mysqld.sock",
    "host": "db1.example.com",
    "port": "0",
    "user": "a\nb",
    "os_user": "\x1b",
    "defaults_file": "my.cnf",
    "ssl_ca": "ca.pem",
    "ssl_cert": "cert.pem",
    "ssl_key": "key.pem",
    "probe_timeout": "0",
    "available_when_donor": "yes",
    "available_when_readonly": "maybe",
    "donor_grace": "-2s",
    "saturation_grace": "1.5s",
    "unknown_grace": "soon",
    "recovery_hold": "3 parsecs",
    "connection_limit": "101",
    "max_recv_queue": "-1",
    "min_cluster_size": "two",
    "maintenance_file": "maintenance",
}
PARAMETERS = [parameter.name for parameter in AGENT.parameters]


@pytest.mark.parametrize("name", [name for name in PARAMETERS if name in NOT_ALLOWED])
def test_an_error_names_parameter_value_and_what_is_allowed(name):
    text = NOT_ALLOWED[name]
    with pytest.raises(ParameterError) as raised:
        policy(**{name: text})
    allowed = next(parameter.allowed for parameter in AGENT.parameters if parameter.name == name)
    assert raised.value.code == 6
    assert raised.value.reason == f"parameter {name}: '{text}' is not allowed, must be {allowed}"
    assert str(raised.value) == raised.value.reason


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"ssl_cert": "/c", "ssl_ca": "/a", "host": "::1"}, "ssl_key"),
        ({"ssl_key": "/k", "ssl_ca": "/a", "host": "::1"}, "ssl_cert"),
        ({"ssl_ca": "/a"}, "ssl_ca"),
        ({"ssl_cert": "/c", "ssl_key": "/k"}, "ssl_cert"),
        ({"ssl_cert": "/c", "ssl_key": "/k", "host": "::1"}, "ssl_ca"),
    ],
    ids=str,
)
def test_values_that_contradict_each_other_are_refused(given, named):
    with pytest.raises(ParameterError) as raised:
        policy(**given)
    assert raised.value.parameter == named


def test_whole_tls_is_allowed():
    assert policy(host="::1", ssl_ca="/a", ssl_cert="/c", ssl_key="/k").ssl_key == "/k"


def test_a_required_parameter_must_be_given():
    agent = agent_of(ip=Text(REQUIRED, "short", "long"))
    with pytest.raises(ParameterError, match=r"^parameter ip must be set: it is required$"):
        agent.parse({})
    assert agent.parse(environ(ip="1.2.3.4")).ip == "1.2.3.4"


@pytest.mark.parametrize("name", [name for name in PARAMETERS if name in NOT_ALLOWED])
def test_lenient_parsing_puts_the_default_for_what_is_not_allowed_and_keeps_the_rest(name):
    others = {"unknown_grace": "7s"} if name != "unknown_grace" else {"donor_grace": "7s"}
    parameters = AGENT.parse_leniently(environ(**{name: NOT_ALLOWED[name]}, **others))
    default = next(parameter.default_value for parameter in AGENT.parameters if parameter.name == name)
    assert getattr(parameters, name) == default
    assert [getattr(parameters, other) for other in others] == [7.0]
    assert parameters.given == set(others)


@pytest.mark.parametrize(
    "text", ["9" * 400, "9" * 5000, "\udcff", "\0"], ids=["400-digits", "5000-digits", "byte", "nul"]
)
@pytest.mark.parametrize("name", PARAMETERS)
def test_lenient_parsing_never_raises_whatever_a_value_is(name, text):
    AGENT.parse_leniently(environ(**{name: text}))


PASSWORD = "correct horse battery staple"


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        "{!r}".format,
        "{!s}".format,
        "%s".__mod__,
        "%r".__mod__,
        lambda secret: f"{secret}",
        lambda secret: str([secret]),
        lambda secret: str({"password": secret}),
        ascii,
        lambda secret: str(getattr(secret, "__dict__", "")),
    ],
)
def test_a_secret_is_never_shown(show):
    assert PASSWORD not in show(Secret(PASSWORD))


def test_a_secret_is_revealed_on_demand():
    agent = agent_of(password=SecretText(None, "short", "long"))
    assert agent.parse(environ(password=PASSWORD)).password.reveal() == PASSWORD


def test_an_error_about_a_secret_does_not_show_it():
    agent = agent_of(password=SecretText(None, "short", "long"))
    with pytest.raises(ParameterError) as raised:
        agent.parse(environ(password=PASSWORD + "\n"))
    shown = f"{raised.value} {raised.value!r} {raised.value.reason} {vars(raised.value)}"
    assert "password" in shown
    assert PASSWORD not in shown
    # A traceback would show a chained exception, whose text is the value.
    assert raised.value.__suppress_context__


def test_the_guard_has_no_password_parameter():
    assert not any("pass" in name for name in PARAMETERS)


def test_all_but_the_attribute_are_reloadable():
    assert [parameter.name for parameter in AGENT.parameters if not parameter.reloadable] == ["attribute"]


# The table of the design.
DEFAULTS = {
    "mode": "fail",
    "attribute": None,
    "socket": "/run/mysqld/mysqld.sock",
    "host": None,
    "port": 3306,
    "user": "root",
    "os_user": None,
    "defaults_file": None,
    "ssl_ca": None,
    "ssl_cert": None,
    "ssl_key": None,
    "probe_timeout": 2.0,
    "available_when_donor": "last_resort",
    "available_when_readonly": False,
    "donor_grace": 2.0,
    "saturation_grace": 10.0,
    "unknown_grace": 30.0,
    "recovery_hold": 3.0,
    "connection_limit": 100,
    "max_recv_queue": 0,
    "min_cluster_size": 0,
    "maintenance_file": "/var/lib/galera-sync-guard/maintenance",
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_defaults_are_those_of_the_design(name):
    assert getattr(policy(), name) == DEFAULTS[name]
