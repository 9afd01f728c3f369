#!/bin/bash
# Whoever reads what the provider was told with the order finds a key that proves nothing any more.
set -euo pipefail

rm -f /etc/ssh/ssh_host_ecdsa_key /etc/ssh/ssh_host_ecdsa_key.pub
systemctl reload ssh
