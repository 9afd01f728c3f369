#!/bin/bash
# Tells how this server is and what is on it: a JSON object for each part, whose value is null where that part cannot be told. Changes
# nothing. Standard input names the files that are asked for, a path a line; after this text comes the function `gateway` where one runs here.
set -uo pipefail

# A container may go between the list and the look at it: then the list is outdated.
containers() {
  local ids seen
  for _ in 1 2 3; do
    ids=$(docker ps --all --quiet --no-trunc --filter "label=keystone.organisation=$ORGANISATION") || return
    [ -n "$ids" ] || { echo '[]'; return; }
    # shellcheck disable=SC2086 # ids are words
    if seen=$(docker inspect $ids); then
      jq --compact-output '[.[] | .Config.Labels as $labels | {
        id: .Id, name: .Name, image: .Config.Image, status: .State.Status, health: (.State.Health.Status // "none"),
        exitCode: .State.ExitCode, restarts: .RestartCount, nanoCpus: .HostConfig.NanoCpus, memoryBytes: .HostConfig.Memory,
        environmentId: $labels["keystone.environment"], serviceId: $labels["keystone.service"], replicaId: $labels["keystone.replica"],
        scheduler: $labels["keystone.scheduler"], oneOff: $labels["com.docker.compose.oneoff"]
      }]' <<<"$seen"
      return
    fi
  done
  return 1
}

files() {
  local path sum
  while IFS= read -r path; do
    sum=$(sha256sum -- "$path" 2>/dev/null)
    printf '%s\t%s\n' "${sum%% *}" "$path"
  done | jq --raw-input --null-input --compact-output \
    '[inputs | split("\t") | {key: .[1], value: (if .[0] == "" then null else .[0] end)}] | from_entries'
}

# The chain itself, and that what Docker publishes comes through it.
firewall() {
  sudo --non-interactive iptables --wait --check DOCKER-USER --jump KEYSTONE-PORTS &&
    sudo --non-interactive iptables --wait --list-rules KEYSTONE-PORTS | jq --raw-input --slurp .
}

# The rules of the server itself as its programs tell them; nothing of what cannot be told.
rules() {
  jq --null-input --compact-output '$ARGS.named' \
    --arg sshd "$(sudo --non-interactive sshd -T -C user=root,host=server,addr=192.0.2.1)" \
    --arg ufw "$(sudo --non-interactive ufw status verbose | head -n 10)" \
    --arg fail2ban "$(sudo --non-interactive fail2ban-client status sshd | head -n 1)" \
    --arg upgrades "$(apt-config shell daily APT::Periodic::Unattended-Upgrade)" \
    --arg timer "$(systemctl show --property=LoadState,ActiveState apt-daily-upgrade.timer)"
}

measures() {
  local disk_free disk_total load uptime docker
  read -r disk_free disk_total < <(df --output=avail,size --block-size=1M /var/lib/docker | tail -n 1)
  read -r load _ </proc/loadavg
  read -r uptime _ </proc/uptime
  docker=$(docker version --format '{{json .Server.Version}}') || docker=null
  awk -v free="$disk_free" -v total="$disk_total" -v load="$load" -v uptime="$uptime" -v cpus="$(nproc)" -v docker="$docker" -v now="$(date +%s%3N)" '
    /^MemTotal:/ { memory = int($2 / 1024) }
    /^MemAvailable:/ { available = int($2 / 1024) }
    END {
      printf "{\"diskFreeMb\":%d,\"diskTotalMb\":%d,\"memoryAvailableMb\":%d,\"memoryTotalMb\":%d,", free, total, available, memory
      printf "\"load\":%s,\"cpus\":%d,\"uptimeSeconds\":%d,\"docker\":%s,\"clock\":%s}", load, cpus, uptime, docker, now
    }' /proc/meminfo
}

# tell PART...: in this order; nobody but `files` reads the standard input.
tell() {
  local part told
  for part; do
    told=$("$part" 2>/dev/null) || told=
    printf '{"%s":%s}\n' "$part" "${told:-null}"
  done
}
