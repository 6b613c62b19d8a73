"""The parts of a CIB that matter for a guard and its virtual IP, as plain objects; pure, and reads nothing itself."""

from ocfpy.parameters import parse_seconds

GUARD_AGENT = "ocf:custom:galera_sync_guard"
RESET_AGENT = "ocf:custom:vip_client_reset"
ADDRESS_AGENTS = ("ocf:heartbeat:IPaddr2", "ocf:heartbeat:IPaddr")

# The names that the recipe uses, and what the command takes without a cluster.
GUARD = "galera-guard"
VIRTUAL_IP = "VirtualIP"

INFINITY = ("INFINITY", "+INFINITY", "inf", "+inf", "1000000", "+1000000")


class Resource:
    """One primitive: its id, agent, parameters, meta attributes (its own), operations, and what it stands in."""

    def __init__(self, element, clone=None, group=None):
        self.element = element
        self.id = element.get("id", "")
        self.agent = ":".join(filter(None, (element.get("class"), element.get("provider"), element.get("type"))))
        self.parameters = pairs(element, "instance_attributes")
        self.meta = pairs(element, "meta_attributes")
        self.operations = [dict(op.attrib) for op in element.iterfind("operations/op")]
        self.clone = clone
        self.group = group

    @property
    def outermost(self):
        """The id that constraints must name: that of the clone or group it stands in, or its own."""
        return next(outer.get("id") for outer in (self.clone, self.group, self.element) if outer is not None)

    @property
    def names(self):
        """All ids under which constraints can mean it."""
        return {outer.get("id") for outer in (self.clone, self.group, self.element) if outer is not None}

    def operation(self, name):
        """Return the attributes of its operation of that name, empty when there is none."""
        return next((op for op in self.operations if op.get("name") == name), {})


class Configuration:
    """A CIB's configuration section."""

    def __init__(self, cib):
        self.cib = cib
        section = cib.find("configuration")
        self.section = section if section is not None else cib
        self.resources = list(_resources(self.section.find("resources")))
        self.constraints = list(self.section.find("constraints") or ())
        self.properties = pairs(self.section.find("crm_config"), "cluster_property_set")
        self.resource_defaults = pairs(self.section.find("rsc_defaults"), "meta_attributes")
        self.operation_defaults = pairs(self.section.find("op_defaults"), "meta_attributes")

    def resource(self, name):
        """Return the primitive of that id, None when there is none."""
        return next((resource for resource in self.resources if resource.id == name), None)

    @property
    def guards(self):
        """All resources that are guards."""
        return [resource for resource in self.resources if resource.agent == GUARD_AGENT]

    @property
    def addresses(self):
        """All resources that are virtual IPs."""
        return [resource for resource in self.resources if resource.agent in ADDRESS_AGENTS]

    def virtual_ips(self, guard):
        """Return the virtual IPs that belong to a guard: colocated, ordered or placed by its score; else all."""
        attribute = guard.parameters.get("attribute", guard.id)
        bound = [
            vip
            for vip in self.addresses
            if self.colocation(vip, guard) is not None
            or self.orders(vip, guard)
            or any(True for _ in self.rules(vip, attribute))
        ]
        return bound or self.addresses

    def colocation(self, vip, guard):
        """Return the constraint that keeps a virtual IP with a guard, None when there is none."""
        return next(
            (
                item
                for item in self.constraints
                if item.tag == "rsc_colocation" and _pair(item, "rsc", "with-rsc", vip, guard)
            ),
            None,
        )

    def orders(self, vip, guard):
        """Return the constraints that let a virtual IP start after a guard."""
        return [
            item for item in self.constraints if item.tag == "rsc_order" and _pair(item, "then", "first", vip, guard)
        ]

    def rules(self, vip, attribute):
        """Yield (location constraint, rule, operation) of every rule of a virtual IP that looks at that attribute."""
        for item in self.constraints:
            if item.tag == "rsc_location" and item.get("rsc") in vip.names:
                for rule in item.iterfind("rule"):
                    for expression in rule.iterfind("expression"):
                        if expression.get("attribute") == attribute:
                            yield item, rule, expression.get("operation")

    def meta(self, resource, name):
        """Return a meta attribute that holds for a resource: its own, its clone's or group's, or the default; or None."""
        for holder in (
            resource.meta,
            *(pairs(outer, "meta_attributes") for outer in (resource.clone, resource.group) if outer is not None),
            self.resource_defaults,
        ):
            if name in holder:
                return holder[name]
        return None


def pairs(element, kind):
    """Return the name and value of every nvpair of that kind of set below an element."""
    if element is None:
        return {}
    return {pair.get("name"): pair.get("value") for pair in element.iterfind(kind + "/nvpair")}


def span(text, default=None):
    """Return the seconds of a time in Pacemaker's syntax, the default for one that is missing or no time."""
    try:
        return parse_seconds(text) if text else default
    except ValueError:
        return default


def number(text, default=None):
    """Return a score or count as an int, the default for none."""
    if text is None:
        return default
    if text.strip() in INFINITY:
        return 1000000
    if text.strip().upper() in ("-INFINITY", "-INF"):
        return -1000000
    try:
        return int(text)
    except ValueError:
        return default


def _resources(element, clone=None, group=None):
    for child in element if element is not None else ():
        if child.tag == "primitive":
            yield Resource(child, clone, group)
        elif child.tag == "clone":
            yield from _resources(child, clone=child)
        elif child.tag == "group":
            yield from _resources(child, clone, group=child)


def _pair(item, one, other, vip, guard):
    """Return whether a constraint ties the two, written plainly or as resource sets."""
    if item.get(one) in vip.names and item.get(other) in guard.names:
        return True
    members = {reference.get("id") for reference in item.iterfind("resource_set/resource_ref")}
    return bool(members & vip.names and members & guard.names)
