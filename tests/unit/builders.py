"""Builders of the unit tier: policies, facts, calls, and doubles of what lies outside the code under test."""

from galera_sync_guard.agent import AGENT
from galera_sync_guard.cluster import attributes
from galera_sync_guard.cluster.peers import AttributePeers
from galera_sync_guard.cycle import Cycle, PollingSampler
from galera_sync_guard.decision.classify import classify
from galera_sync_guard.decision.facts import Facts
from galera_sync_guard.decision.judge import (
    ANSWERING_PEER,
    NO_PEER,
    SYNCED_PEER,
    judge,
    seconds_until_peer_recheck,
    should_query_peers,
)
from galera_sync_guard.decision.memory import Memory
from galera_sync_guard.decision.states import score_text
from galera_sync_guard.host.state_file import Record, Store
from galera_sync_guard.parameters import as_text
from ocfpy.invocation import Invocation
from tests.support.galera import HEALTHY


def environ(**given):
    """Return the environment of parameters given as text, as Pacemaker passes them."""
    return {"OCF_RESKEY_" + name: text for name, text in given.items()}


def policy(**given):
    """Return the typed parameters of values given as text, as an administrator writes them."""
    return AGENT.parse(environ(**given))


def memory_of(**values):
    """Return judge's memory with these fields."""
    memory = Memory()
    for name, value in values.items():
        assert name in Memory.__annotations__
        setattr(memory, name, value)
    return memory


def record_of(memory=None, **values):
    """Return the record of a call with these fields."""
    record = Record()
    record.memory = memory
    for name, value in values.items():
        assert name in Record.__annotations__
        setattr(record, name, value)
    return record


def node(own_connections=1, **changes):
    """Return the Facts of a healthy node with some variables changed; None removes a variable."""
    return Facts(variables(**changes), own_connections=own_connections)


def variables(**changes):
    """Return the variables of a healthy node, as a probe names them, with some changed; None removes one."""
    lowered = {name.lower(): value for name, value in [*HEALTHY.items(), *changes.items()]}
    return {name: value for name, value in lowered.items() if value is not None}


class Log:
    """Stands for ocfpy's Report and keeps what is said."""

    def __init__(self):
        self.lines = []

    def exit_reason(self, reason):
        self.lines.append(("exit reason", reason))

    def error(self, message):
        self.lines.append(("error", message))

    def warning(self, message):
        self.lines.append(("warning", message))

    def info(self, message):
        self.lines.append(("info", message))


def call(directory, action="monitor", interval="1000", timeout="10000", instance="galera-guard:0", **given):
    """Return the Invocation of one call by Pacemaker whose state lies in `directory`; times are milliseconds."""
    return Invocation(
        AGENT,
        action,
        {
            "HA_RSCTMP": str(directory),
            "OCF_RESOURCE_INSTANCE": instance,
            "OCF_RESKEY_CRM_meta_interval": interval,
            "OCF_RESKEY_CRM_meta_timeout": timeout,
            **environ(**given),
        },
        Log(),
    )


def store_of(invocation):
    """Return the state file of a call."""
    return Store(invocation.state_directory, invocation.resource, as_text(invocation.usable_parameters))


def cycle_of(invocation, cluster, epoch, sampler=None, peers=None, is_kept=False):
    """Return the cycle of a call, with its cluster, and what stands for the probe and for the other nodes."""
    return Cycle(
        invocation.resource,
        invocation.parameters,
        store_of(invocation),
        cluster,
        sampler or PollingSampler(invocation.parameters, invocation.deadline),
        peers or AttributePeers(cluster),
        invocation.report,
        invocation.deadline,
        invocation.interval,
        epoch,
        is_kept,
    )


class Cluster:
    """Stands for Attributes: the two attributes of this node as Pacemaker has them, and what the peers say."""

    def __init__(self, score=None, state=None, better_peer=False):
        self.score = score
        self.state = state
        self.better_peer = better_peer
        self.has_place = True
        self.saturated_at = 0.0
        self.memory = ""
        self.result = attributes.PUBLISHED
        self.published = 0
        self.asked = 0
        self.kept = 0
        self.settings = []

    @property
    def attributes(self):
        return self.score, self.state

    def publish(self, score, state):
        self.published += 1
        if self.result == attributes.PUBLISHED:
            self.score = score_text(score)
            self.state = state
        return self.result

    def publish_settings(self, settings):
        self.settings.append(settings)

    def publish_reason(self, kind, has_fallen, since, reason):
        self.why = kind, has_fallen, since, reason

    def keep_falls(self):
        self.kept += 1

    def remember(self, text):
        self.memory = text

    def remembered(self):
        return self.memory

    def last_saturation_at(self):
        return self.saturated_at

    def has_better_place(self, resource):
        self.places_asked = getattr(self, "places_asked", 0) + 1
        return self.has_place

    def peer_is_synced(self):
        self.asked += 1
        return self.better_peer


class Guard:
    """One guard without files and processes: classify and judge, and the memory between two samples."""

    def __init__(self, policy, interval=1.0):
        self.policy = policy
        self.interval = interval
        self.memory = None

    def look(self, facts, now, better_peer):
        """Return the Verdict on one sample, the memory after it, and the seconds after which to look again, if any."""
        condition = classify(facts, self.policy)
        peer = SYNCED_PEER if better_peer else NO_PEER
        verdict, memory = judge(condition, self.policy, self.memory, peer, now, self.interval)
        return verdict, memory, seconds_until_peer_recheck(condition, memory, now, self.interval)

    def after_fit(self, now):
        """Return the memory after a sample of a healthy node."""
        self.sees(node(), now)
        return self.memory

    def is_answered(self, facts, now):
        """Return the Verdict on one sample at which a peer has answered that it is synced."""
        condition = classify(facts, self.policy)
        verdict, self.memory = judge(condition, self.policy, self.memory, ANSWERING_PEER, now, self.interval)
        return verdict

    def asks(self, facts):
        """Return whether this sample, which was the last, makes the guard ask its peers."""
        return should_query_peers(classify(facts, self.policy), self.memory)

    def sees(self, facts, now, better_peer=False):
        """Return the Verdict on one sample."""
        verdict, memory, wait = self.look(facts, now, better_peer)
        while wait:
            now += wait
            verdict, memory, wait = self.look(facts, now, better_peer)
        self.memory = memory
        return verdict
