"""The state of the cluster as crm_mon's XML has it, and the history of a resource from the CIB; pure."""

STARTED = ("Started", "Promoted", "Unpromoted", "Master", "Slave")
# With a role of this, what a resource does is not undone yet.
STOPPING = "Stopping"


class ClusterStatus:
    """Nodes, resources and failures as one node sees them."""

    def __init__(self, root):
        summary = root.find("summary")
        dc = summary.find("current_dc") if summary is not None else None
        self.dc = dc.get("name") if dc is not None and dc.get("present") == "true" else None
        self.has_quorum = dc is not None and dc.get("with_quorum") == "true"
        options = summary.find("cluster_options") if summary is not None else None
        self.options = dict(options.attrib) if options is not None else {}
        self.nodes = {node.get("name"): _node_state(node) for node in root.iterfind("nodes/node")}
        resources = root.find("resources")
        self._instances = list(resources.iter("resource")) if resources is not None else []
        self.failures = [
            {
                "node": item.get("node"),
                "operation": item.get("op_key", item.get("id")),
                "exit_code": int(item.get("exitcode", "-1")),
                "reason": item.get("exitreason", ""),
                "when": item.get("last-rc-change", ""),
            }
            for item in root.iterfind("failures/failure")
        ]

    def where(self, name):
        """Return the nodes on which a resource is started, in order of their names."""
        return self._with_role(name, STARTED)

    def left_on(self, name):
        """Return the nodes that a resource has not left yet: it is started, or is being stopped."""
        return self._with_role(name, (*STARTED, STOPPING))

    def _with_role(self, name, roles):
        return sorted(
            node.get("name")
            for instance in self._instances
            if instance.get("id", "").partition(":")[0] == name and instance.get("role") in roles
            for node in instance.iterfind("node")
        )

    def troubles(self, name):
        """Return the words that crm_mon has for what is wrong with a resource."""
        return sorted(
            {
                word
                for instance in self._instances
                if instance.get("id", "").partition(":")[0] == name
                for word in ("failed", "blocked", "orphaned")
                if instance.get(word) == "true"
            }
            | {
                "unmanaged"
                for instance in self._instances
                if instance.get("id", "").partition(":")[0] == name and instance.get("managed") == "false"
            }
        )


class Step:
    """One start or stop of a resource that succeeded: where, and when (seconds since 1970)."""

    def __init__(self, when, node, operation):
        self.when = when
        self.node = node
        self.operation = operation


def history(cib, name):
    """Return the last start or stop of a resource on each node, the oldest first: Pacemaker keeps no more."""
    steps = []
    for state in cib.iterfind("status/node_state"):
        for operation in state.iterfind(f"lrm/lrm_resources/lrm_resource[@id='{name}']/lrm_rsc_op"):
            when = operation.get("last-rc-change", "")
            if operation.get("operation") in ("start", "stop") and operation.get("rc-code") == "0" and when.isdigit():
                steps.append(Step(int(when), state.get("uname"), operation.get("operation")))
    return sorted(steps, key=lambda step: (step.when, step.operation == "start"))


def _node_state(node):
    if node.get("online") != "true":
        return "unclean" if node.get("unclean") == "true" else "offline"
    return next((flag for flag in ("pending", "standby", "maintenance") if node.get(flag) == "true"), "online")
