"""Publishes this guard's node attributes, and reads those of the guards on other nodes."""

from __future__ import annotations

from galera_sync_guard import __version__
from galera_sync_guard.decision.states import BAD, score_text
from ocfpy.report import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocfpy.deadline import Deadline

# attrd_updater's exit code when no cluster runs here (CRM_EX_DISCONNECT); a host without its tools has none either.
NO_CLUSTER = 102

# The falls of the score before the last, in one attribute: how many, and what stands between them.
FALLS = "falls"
KEPT_FALLS = 5
SEPARATOR = " ;; "

# The results of publishing.
PUBLISHED = "published"
OUTSIDE = "outside"
FAILED = "failed"


class Attributes:
    """The attributes of one guard: NAME with the score, NAME-state with the state, and why. Times are seconds.

    Both are transient: Pacemaker drops them when the node leaves the cluster. They are not private, so that
    `crm_mon -A` shows them and location rules can follow them. Each question to a cluster that does not answer takes
    half of the action's time that is left, so that the action always ends by itself, with a result of its own.

    Why is in five more, for `galera-sync-guard status`, each with the time (seconds since 1970), our version and the
    reason: NAME-good of the last change to good, NAME-poor and NAME-unfit of the last fall of the score to either, for
    which a virtual IP leaves, NAME-falls of earlier falls, and NAME-bad of the last change of a node that was bad
    already, often of another kind.
    NAME-settings has the server's settings that `check` compares.
    They are private: Pacemaker neither writes them to the CIB nor calculates anew. They outlast a stop, since mode=fail
    stops the guard for the very reason that one wants to know.
    """

    def __init__(self, name: str, environ: Mapping[str, str], deadline: Deadline) -> None:
        self._score = name
        self._state = name + "-state"
        self._node = environ.get("OCF_RESKEY_CRM_meta_on_node")
        self._deadline = deadline
        self._environ = environ

    def publish(self, score: int, state: str) -> str:
        """Set both attributes, the score first since it moves the virtual IP; return one of the results above.

        OUTSIDE means that there is no cluster here, which is not a failure: Pacemaker did not call us.
        """
        for name, value in ((self._score, score_text(score)), (self._state, state)):
            code, _ = self._run("attrd_updater", "-n", name, "-U", value)
            if code != 0:
                return OUTSIDE if code == NO_CLUSTER and not self._node else FAILED
        if self._node and self._cib_value() != score_text(score):
            self._run("attrd_updater", "-R")
        return PUBLISHED

    def publish_reason(self, kind: str, has_fallen: bool, since: float, reason: str) -> None:
        """Publish for people on all nodes why the last published verdict is of that kind; nothing depends on it."""
        name = "good" if kind not in BAD else kind if has_fallen else "bad"
        text = one_line(f"{int(since)} {__version__} {reason}")
        self._run("attrd_updater", "-p", "-n", f"{self._score}-{name}", "-U", text)

    def keep_falls(self) -> None:
        """Keep the last falls beside those to come: a move that people are shown may be older than the last fall."""
        told = [self._told(kind) for kind in BAD] + self._told(FALLS).split(SEPARATOR)
        times = {text: text.partition(" ")[0] for text in told if text}
        kept = sorted((text for text in times if times[text].isdigit()), key=lambda text: -int(times[text]))[
            :KEPT_FALLS
        ]
        if kept:
            self._run("attrd_updater", "-p", "-n", f"{self._score}-{FALLS}", "-U", SEPARATOR.join(kept))

    def remember(self, text: str) -> None:
        """Keep a text of this node in a private attribute: the memory of a guard whose state file cannot be written."""
        import binascii
        import zlib

        word = binascii.b2a_base64(zlib.compress(text.encode()), newline=False).decode()
        self._run("attrd_updater", "-p", "-n", self._score + "-memory", "-U", word)

    def remembered(self) -> str:
        """Return the text that `remember` has kept last, "" for none."""
        import binascii
        import zlib

        word = self._values(self._score + "-memory", "-N", self._node).get(self._node, "") if self._node else ""
        try:
            return zlib.decompress(binascii.a2b_base64(word)).decode()
        except (ValueError, zlib.error):
            return ""

    def delete(self) -> bool:
        """Delete score and state; return whether that worked or there is no cluster."""
        codes = [self._run("attrd_updater", "-n", name, "-D")[0] for name in (self._score, self._state)]
        return all(code in (0, NO_CLUSTER) for code in codes)

    def publish_settings(self, settings: str) -> None:
        """Publish for `check` on all nodes the settings in which nodes must be alike, as one line."""
        self._run("attrd_updater", "-p", "-n", f"{self._score}-settings", "-U", settings)

    def is_visible(self, score: int) -> bool:
        """Return whether the cluster already shows this node's score: attrd_updater returns before that."""
        return score_text(score) in self._values(self._score, "-N", self._node).values() if self._node else True

    def peer_is_synced(self) -> bool:
        """Return whether another node's guard calls its node synced; False when the cluster does not answer.

        A node that leaves the cluster loses its attributes, and a guard that stops deletes them, so a node that has
        one is online.
        """
        return "synced" in self._peer_states().values()

    def has_better_place(self, resource: str) -> bool:
        """Return whether what runs on this node, such as the virtual IP, would move to a synced node if this guard left.

        A synced node may be one that the virtual IP must not use, and an unknown node has a higher score than a poor one.
        True when the cluster does not answer, or nothing would leave.
        """
        if self._node is None:
            return True
        # Imported here, since a monitor of a node that is not poor does without.
        from galera_sync_guard.cluster.placement import destinations

        places = destinations(resource, self._node, self._environ, self._deadline)
        states = self._peer_states() if places else {}
        return places is None or all(states.get(place or "") == "synced" for place in places.values())

    def last_saturation_at(self) -> float:
        """Return when a guard of this cluster last acted on `saturated`, in seconds since 1970; 0 if that is not known."""
        code, output = self._run("attrd_updater", "-Q", "-n", self._score + "-poor", "-A")
        found = [0.0]
        for line in output.splitlines() if code == 0 else ():
            since, _, reason = line.partition('value="')[2].split(" ", 2) if line.count(" ") >= 4 else ("", "", "")
            if since.isascii() and since.isdigit() and reason.startswith("saturated:"):
                found.append(float(since))
        return max(found)

    def missing_meta_attributes(self, resource: str) -> list[str]:
        """Return which of the meta attributes that mode=fail needs are not set for a resource.

        None of them when the cluster does not answer. A value that is not set is not a failure of crm_resource, only an
        empty answer (Pacemaker 2.1.5, measured).
        """
        if not self._node:
            return []
        command = ("crm_resource", "--resource", resource, "--meta", "--get-parameter")
        return [name for name in ("migration-threshold", "failure-timeout") if self._run(*command, name) == (0, "")]

    def _peer_states(self) -> dict[str, str]:
        values = self._values(self._state, "-A")
        return {node: state for node, state in values.items() if node != self._node}

    def _cib_value(self) -> str:
        """Return the score as the CIB has it, where location rules read it; attrd may know another.

        When a controller or executor restarts, the cluster erases the node's attributes from the CIB, but not from
        attrd, which ignores a value that it has already, until it is told to write all anew (Pacemaker 2.1.5, measured).
        """
        query = ("crm_attribute", "-t", "status", "-N", self._node or "", "-n", self._score, "-G", "-q")
        return self._run(*query)[1].strip()

    def _told(self, name: str) -> str:
        """Return what this node's guard has told people under a name, empty when it has not."""
        code, output = self._run("attrd_updater", "-Q", "-n", f"{self._score}-{name}", "-N", self._node or "")
        return output.partition('value="')[2].strip().removesuffix('"') if code == 0 else ""

    def _values(self, name: str, *scope: str) -> dict[str, str]:
        code, output = self._run("attrd_updater", "-Q", "-n", name, *scope)
        values = {}
        for line in output.splitlines() if code == 0 else ():
            fields = dict(field.partition("=")[::2] for field in line.split())
            values[fields.get("host", "").strip('"')] = fields.get("value", "").strip('"')
        return values

    def _run(self, *command: str) -> tuple[int | None, str]:
        # Imported here, since a monitor that has nothing to publish does without.
        from ocfpy.process import run_command

        try:
            # A late one that outlived us could write an old score after the next one.
            return run_command(command, self._environ, self._deadline.remaining() / 2)
        except FileNotFoundError:
            return NO_CLUSTER, ""
        except OSError:
            return None, ""
