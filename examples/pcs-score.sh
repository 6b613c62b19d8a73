#!/bin/sh
# Recommended: the guard never fails for what it sees; the virtual IP follows the node attribute that carries the score.
# usage: sh pcs-score.sh ADDRESS      for example 192.168.1.199; once, on one node of a running cluster
# shellcheck disable=SC1010  # "then" is a word of pcs
set -eux
address=$1

pcs resource create galera-guard ocf:custom:galera_sync_guard mode=score watch_interval=200ms vip="$address" \
    op monitor interval=1s timeout=10s meta migration-threshold=1 failure-timeout=30s
pcs resource clone galera-guard meta interleave=true
pcs resource create VirtualIP ocf:heartbeat:IPaddr2 ip="$address" cidr_netmask=32 op monitor interval=5s \
    meta resource-stickiness=100
# Two constraints, because Pacemaker 3 refuses two rules in one. No order constraint: it would only add restarts.
pcs constraint location VirtualIP rule score-attribute=galera-guard defined galera-guard
pcs constraint location VirtualIP rule score=-INFINITY not_defined galera-guard
# The second line of defence: a guard that fails, because it hangs, takes the virtual IP away.
pcs constraint colocation add VirtualIP with galera-guard-clone
# Clients of the address are reset just before it leaves a node, so that none of them waits for ever for an answer.
pcs resource create vip-client-reset ocf:custom:vip_client_reset ip="$address" op monitor interval=10s \
    op stop timeout=20s on-fail=ignore meta critical=false failure-timeout=60s
pcs constraint colocation add vip-client-reset with VirtualIP
pcs constraint order VirtualIP then vip-client-reset
