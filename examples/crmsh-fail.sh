#!/bin/sh
# The shortest recipe: the guard's monitor fails on a node that must not hold the virtual IP.
# Without migration-threshold and failure-timeout a node stays banned after one failed start.
# usage: sh crmsh-fail.sh ADDRESS     for example 192.168.1.199; once, on one node of a running cluster
set -eu
address=$1

# vip-client-reset resets the address's clients just before it leaves a node, so that none waits for ever for an answer.
crm configure <<END
primitive galera-guard ocf:custom:galera_sync_guard op monitor interval=1s timeout=10s meta migration-threshold=1 failure-timeout=30s
clone galera-guard-clone galera-guard meta interleave=true
primitive VirtualIP ocf:heartbeat:IPaddr2 params ip=$address cidr_netmask=32 op monitor interval=5s meta resource-stickiness=100
colocation VirtualIP-with-guard inf: VirtualIP galera-guard-clone
order guard-then-VirtualIP Mandatory: galera-guard-clone VirtualIP
primitive vip-client-reset ocf:custom:vip_client_reset params ip=$address op monitor interval=10s op stop timeout=20s on-fail=ignore meta critical=false failure-timeout=60s
colocation vip-client-reset-with-VirtualIP inf: vip-client-reset VirtualIP
order VirtualIP-then-vip-client-reset Mandatory: VirtualIP vip-client-reset
commit
END
