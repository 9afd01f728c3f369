#!/bin/bash
# Loads the rules for ports of containers, all at once; other rules of the chain DOCKER-USER are the user's own and stay.
set -euo pipefail
for chain in DOCKER-USER ufw-user-forward; do
  iptables --wait --new-chain "$chain" 2>/dev/null || true
done
iptables-restore --wait --noflush /etc/keystone/firewall.rules
iptables --wait --check DOCKER-USER --jump KEYSTONE-PORTS 2>/dev/null || iptables --wait --insert DOCKER-USER --jump KEYSTONE-PORTS
