"""What setup makes of a cluster, declared once: as pcs lines, as crmsh lines and as XML; pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from galera_sync_guard.agent import AGENT
from galera_sync_guard.cli.cib.model import GUARD, GUARD_AGENT, RESET_AGENT, VIRTUAL_IP, Configuration, Resource

ADDRESS_AGENT = "ocf:heartbeat:IPaddr2"
CLIENT_RESET = "vip-client-reset"
CLONE = GUARD + "-clone"

# What a resource that setup made says of itself in the CIB: by this setup --remove knows it.
MADE_BY_SETUP = "made by galera-sync-guard setup"

# Every other action of the agents as pcs takes it from their metadata: Pacemaker's default is the same 20 s.
TIMEOUT = "20s"


@dataclass(frozen=True, slots=True)
class Primitive:
    """One resource of the recipe."""

    name: str
    agent: str
    parameters: dict[str, str]
    meta: dict[str, str]
    monitor: dict[str, str]
    operations: tuple[str, ...] = ("start",)  # besides monitor and stop
    stop: dict[str, str] | None = None

    def pcs_create(self) -> str:
        """Return the pcs line that makes it."""
        return f"pcs resource create {self.name} {self.agent} {_words(self.parameters)} {self.words}"

    @property
    def words(self) -> str:
        """Its description after the parameters, as pcs and crmsh have it in common."""
        stop = " op stop " + _words(self.stop) if self.stop else ""
        return f"op monitor {_words(self.monitor)}{stop} meta {_words(self.meta)}"

    def xml(self) -> Element:
        """Return it as XML, with the ids that pcs gives and the mark of setup."""
        kind, provider, name = self.agent.split(":")
        identity = {"id": self.name, "class": kind, "type": name, "provider": provider}
        element = ElementTree.Element("primitive", {**identity, "description": MADE_BY_SETUP})
        _add_pairs(element, "instance_attributes", self.parameters)
        _add_pairs(element, "meta_attributes", self.meta)
        operations = ElementTree.SubElement(element, "operations")
        default = {"timeout": TIMEOUT}
        wanted = {**dict.fromkeys(self.operations, default), "stop": self.stop or default, "monitor": self.monitor}
        for name, attributes in sorted(wanted.items()):
            interval = attributes.get("interval", "0s")
            ElementTree.SubElement(
                operations,
                "op",
                {"name": name, **attributes, "interval": interval, "id": f"{self.name}-{name}-interval-{interval}"},
            )
        return element


@dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint of the recipe, and whether a configuration has what it is for."""

    element: Element
    is_present: Callable[[Configuration], bool]


def client_reset(address: str) -> Primitive:
    """Return the vip_client_reset of an address.

    A failed stop would block it, and with it the virtual IP, which stops after it, on a node that must lose it: measured
    on Pacemaker 2.1.5 with a stop that returns 1, with an agent that is missing, and after the executor was killed.
    """
    return Primitive(
        CLIENT_RESET,
        RESET_AGENT,
        {"ip": address},
        {"critical": "false", "failure-timeout": "60s"},
        {"interval": "10s"},
        ("reload-agent", "start"),
        {"timeout": TIMEOUT, "on-fail": "ignore"},
    )


class Recipe:
    """The guard in mode=score that watches, the virtual IP, what binds them, and vip_client_reset where it is installed."""

    def __init__(
        self,
        address: str,
        prefix: int,
        nic: str | None = None,
        parameters: dict[str, str] | None = None,
        with_client_reset: bool = False,
    ) -> None:
        place = {"nic": nic} if nic else {}
        self.guard = Primitive(
            GUARD,
            GUARD_AGENT,
            {"mode": "score", "watch_interval": "200ms", "vip": address, **place, **(parameters or {})},
            {"migration-threshold": "1", "failure-timeout": "30s"},
            {"interval": "1s", "timeout": "10s"},
            tuple(action.name for action in AGENT.actions if action.name not in ("monitor", "stop", "validate-all")),
        )
        self.vip = Primitive(
            VIRTUAL_IP,
            ADDRESS_AGENT,
            {"ip": address, "cidr_netmask": str(prefix), **place},
            {"resource-stickiness": "100"},
            {"interval": "5s"},
        )
        self.client_reset = client_reset(address) if with_client_reset else None

    def pcs(self) -> list[str]:
        """Return the pcs lines; one list serves docs/setup.md, check and setup."""
        guard, vip, reset = self.guard, self.vip, self.client_reset
        lines = [
            guard.pcs_create(),
            f"pcs resource clone {guard.name} meta interleave=true",
            vip.pcs_create(),
            f"pcs constraint location {vip.name} rule score-attribute={guard.name} defined {guard.name}",
            f"pcs constraint location {vip.name} rule score=-INFINITY not_defined {guard.name}",
            f"pcs constraint colocation add {vip.name} with {CLONE}",
        ]
        if reset:
            lines += [
                reset.pcs_create(),
                f"pcs constraint colocation add {reset.name} with {vip.name}",
                f"pcs constraint order {vip.name} then {reset.name}",
            ]
        return lines

    def crmsh(self) -> list[str]:
        """Return what crm configure reads."""
        guard, vip, reset = self.guard, self.vip, self.client_reset
        lines = [
            f"primitive {guard.name} {guard.agent} params {_words(guard.parameters)} {guard.words}",
            f"clone {CLONE} {guard.name} meta interleave=true",
            f"primitive {vip.name} {vip.agent} params {_words(vip.parameters)} {vip.words}",
            f"location {vip.name}-by-score {vip.name} rule {guard.name}: defined {guard.name}",
            f"location {vip.name}-needs-score {vip.name} rule -inf: not_defined {guard.name}",
            f"colocation {vip.name}-with-guard inf: {vip.name} {CLONE}",
        ]
        if reset:
            lines += [
                f"primitive {reset.name} {reset.agent} params {_words(reset.parameters)} {reset.words}",
                f"colocation {reset.name}-with-{vip.name} inf: {reset.name} {vip.name}",
                f"order {vip.name}-then-{reset.name} Mandatory: {vip.name} {reset.name}",
            ]
        return [*lines, "commit"]

    def resources(self) -> dict[str, Element]:
        """Return the XML of the resources by the id that must not exist yet."""
        clone = ElementTree.Element("clone", id=CLONE)
        clone.append(self.guard.xml())
        _add_pairs(clone, "meta_attributes", {"interleave": "true"})
        made = {GUARD: clone, VIRTUAL_IP: self.vip.xml()}
        if self.client_reset:
            made[CLIENT_RESET] = self.client_reset.xml()
        return made

    def constraints(self) -> list[Constraint]:
        """Return the constraints, each with the question whether a configuration needs it."""
        made = [
            Constraint(
                _location("location-" + VIRTUAL_IP, "defined", {"score-attribute": GUARD}),
                lambda configuration: configuration.has_score_rule(_vip(configuration), GUARD),
            ),
            Constraint(
                _location(f"location-{VIRTUAL_IP}-1", "not_defined", {"score": "-INFINITY"}),
                lambda configuration: configuration.has_not_defined_rule(_vip(configuration), GUARD),
            ),
            Constraint(_colocation(VIRTUAL_IP, CLONE), _is_tied(VIRTUAL_IP, GUARD)),
        ]
        if self.client_reset:
            made += [
                Constraint(_colocation(CLIENT_RESET, VIRTUAL_IP), _is_tied(CLIENT_RESET, VIRTUAL_IP)),
                Constraint(
                    ElementTree.Element(
                        "rsc_order",
                        {
                            "first": VIRTUAL_IP,
                            "first-action": "start",
                            "then": CLIENT_RESET,
                            "then-action": "start",
                            "id": f"order-{VIRTUAL_IP}-{CLIENT_RESET}-mandatory",
                        },
                    ),
                    lambda configuration: configuration.follows(
                        _resource(configuration, CLIENT_RESET), _vip(configuration)
                    ),
                ),
            ]
        return made


def _resource(configuration: Configuration, name: str) -> Resource:
    found = configuration.resource(name)
    assert found is not None, f"the recipe's resources are made before its constraints: {name}"
    return found


def _vip(configuration: Configuration) -> Resource:
    return _resource(configuration, VIRTUAL_IP)


def _is_tied(dependent: str, other: str) -> Callable[[Configuration], bool]:
    return lambda configuration: (
        configuration.colocation(_resource(configuration, dependent), _resource(configuration, other)) is not None
    )


def _words(pairs: dict[str, str]) -> str:
    return " ".join(f"{name}={_quoted(value)}" for name, value in pairs.items())


def _quoted(value: str) -> str:
    plain = all(character.isalnum() or character in "%+,-./:=@_" for character in value)
    return value if plain and value else f'"{value}"'


def _add_pairs(element: Element, kind: str, pairs: dict[str, str]) -> None:
    if pairs:
        name = f"{element.get('id')}-{kind}"
        attributes = ElementTree.SubElement(element, kind, id=name)
        for key in sorted(pairs):
            ElementTree.SubElement(attributes, "nvpair", id=f"{name}-{key}", name=key, value=pairs[key])


def _location(name: str, operation: str, score: dict[str, str]) -> Element:
    item = ElementTree.Element("rsc_location", id=name, rsc=VIRTUAL_IP)
    rule = ElementTree.SubElement(item, "rule", {"id": name + "-rule", **score})
    ElementTree.SubElement(rule, "expression", id=name + "-rule-expr", operation=operation, attribute=GUARD)
    return item


def _colocation(resource: str, other: str) -> Element:
    return ElementTree.Element(
        "rsc_colocation",
        {
            "rsc": resource,
            "with-rsc": other,
            "score": "INFINITY",
            "id": f"colocation-{resource}-{other}-INFINITY",
        },
    )
