#!/bin/bash
# Loads the rules for assigned ports, all at once; other rules of the chain DOCKER-USER are the user's own and stay.
set -euo pipefail
iptables --wait --new-chain DOCKER-USER 2>/dev/null || true
iptables-restore --wait --noflush /etc/keystone/firewall.rules
iptables --wait --check DOCKER-USER --jump KEYSTONE-PORTS 2>/dev/null || iptables --wait --insert DOCKER-USER --jump KEYSTONE-PORTS
