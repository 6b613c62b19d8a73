#!/bin/sh
# Recommended: the guard never fails for what it sees; the virtual IP follows the node attribute that carries the score.
# usage: sh crmsh-score.sh ADDRESS    for example 192.168.1.199; once, on one node of a running cluster
set -eu
address=$1

# Two locations, because Pacemaker 3 refuses two rules in one. No order constraint: it would only add restarts.
# The colocation is the second line of defence: a guard that fails, because it hangs, takes the virtual IP away.
# vip-client-reset resets the address's clients just before it leaves a node, so that none waits for ever for an answer.
crm configure <<END
primitive galera-guard ocf:custom:galera_sync_guard params mode=score watch_interval=200ms vip=$address op monitor interval=1s timeout=10s meta migration-threshold=1 failure-timeout=30s
clone galera-guard-clone galera-guard meta interleave=true
primitive VirtualIP ocf:heartbeat:IPaddr2 params ip=$address cidr_netmask=32 op monitor interval=5s meta resource-stickiness=100
location VirtualIP-by-score VirtualIP rule galera-guard: defined galera-guard
location VirtualIP-needs-score VirtualIP rule -inf: not_defined galera-guard
colocation VirtualIP-with-guard inf: VirtualIP galera-guard-clone
primitive vip-client-reset ocf:custom:vip_client_reset params ip=$address op monitor interval=10s op stop timeout=20s on-fail=ignore meta critical=false failure-timeout=60s
colocation vip-client-reset-with-VirtualIP inf: vip-client-reset VirtualIP
order VirtualIP-then-vip-client-reset Mandatory: VirtualIP vip-client-reset
commit
END
