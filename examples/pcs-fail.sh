#!/bin/sh
# The shortest recipe: the guard's monitor fails on a node that must not hold the virtual IP.
# Without migration-threshold and failure-timeout a node stays banned after one failed start.
# usage: sh pcs-fail.sh ADDRESS       for example 192.168.1.199; once, on one node of a running cluster
# shellcheck disable=SC1010  # "then" is a word of pcs
set -eux
address=$1

pcs resource create galera-guard ocf:custom:galera_sync_guard op monitor interval=1s timeout=10s \
    meta migration-threshold=1 failure-timeout=30s
pcs resource clone galera-guard meta interleave=true
pcs resource create VirtualIP ocf:heartbeat:IPaddr2 ip="$address" cidr_netmask=32 op monitor interval=5s \
    meta resource-stickiness=100
pcs constraint colocation add VirtualIP with galera-guard-clone
pcs constraint order galera-guard-clone then VirtualIP
# Clients of the address are reset just before it leaves a node, so that none of them waits for ever for an answer.
pcs resource create vip-client-reset ocf:custom:vip_client_reset ip="$address" op monitor interval=10s \
    op stop timeout=20s on-fail=ignore meta critical=false failure-timeout=60s
pcs constraint colocation add vip-client-reset with VirtualIP
pcs constraint order VirtualIP then vip-client-reset
