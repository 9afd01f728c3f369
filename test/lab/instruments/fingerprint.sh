# shellcheck shell=bash
# After shared.sh: every fact of a server, a line each: KIND TAB NAME TAB VALUE. An error where something cannot be read.
set -e

# Files come and go under the eyes of find. Docker tells of its own folder below. Of programs and their data (/usr) size and time
# stand for the content. A mount point is found from both sides. Without --zero sha256sum would mark a name with a backslash.
files() {
  local roots
  mapfile -t roots < <(file_systems | grep --invert-match --line-regexp /var/lib/docker)
  { find "${roots[@]}" -xdev -path '/var/lib/docker/*' -prune \
    -o -path '/usr/*' -type f -printf 'file\t%p\t%M %u:%g %s bytes of %T+\n' \
    -o -printf 'file\t%p\t%M %u:%g %l\n' 2>/dev/null || true; } | sort --unique
  { find "${roots[@]}" -xdev \( -path '/usr/*' -o -path '/var/lib/docker/*' \) -prune -o -type f -print0 2>/dev/null || true; } |
    sort --unique --zero-terminated | { xargs --null --no-run-if-empty sha256sum --zero 2>/dev/null || true; } | tr '\0' '\n' |
    awk '{ print "content\t" substr($0, 67) "\t" $1 }'
}

each() { xargs --no-run-if-empty "$@"; }

# The default bridge is another one each time Docker starts; all others keep their id.
docker_objects() {
  has_docker || return 0
  docker ps --all --quiet --no-trunc | each docker inspect --format '{{$name := slice .Name 1 -}}
    {{printf "container\t%s\t%s %s of %s" $name .State.Status .Id .Image}}
    {{- range $network, $_ := .NetworkSettings.Networks}} on {{$network}}{{end}}
    {{- range .Mounts}} {{.Source}}:{{.Destination}}{{end}}
    {{- range .NetworkSettings.Networks}}{{if .IPAddress}}{{printf "\naddress\t%s\t%s" .IPAddress $name}}{{end}}{{end}}'
  docker network ls --quiet | each docker network inspect --format '{{printf "network\t%s\t%s" .Name .Driver -}}
    {{if ne .Name "bridge"}} {{.Id}}{{end}}{{range .IPAM.Config}} {{.Subnet}}{{end}} {{json .Labels}}'
  docker image ls --quiet --no-trunc | sort --unique | each docker image inspect --format '{{$id := .Id -}}
    {{range .RepoTags}}{{printf "image\t%s\t%s\n" . $id}}{{end}}{{range .RepoDigests}}{{printf "image\t%s\t%s\n" . $id}}{{end -}}
    {{if not (or .RepoTags .RepoDigests)}}{{printf "image\t<none>@%s\t%s" $id $id}}{{end}}'
  docker volume ls --quiet | each docker volume inspect --format '{{printf "volume\t%s\t%s %s" .Name .Driver (json .Labels)}}'
}

units() {
  systemctl list-units --plain --no-legend --no-pager --full --type service,timer,socket,path,target,automount |
    awk '{ print "unit\t" $1 "\t" $3 }'
}

# Without counters. nft shows the tables that iptables cannot (fail2ban's); its lines need the names of what they are in.
firewall() {
  local save table
  for save in iptables-save ip6tables-save; do
    "$save" | awk -v by="${save%-save}" '
      /^\*/ { table = substr($1, 2) }
      /^:/ { print "firewall\t" by " " table " " $1 "\t" $2 }
      /^-/ { print "firewall\t" by " " table " " $0 "\tonce" }'
  done
  nft list tables | sed --regexp-extended '/ ip6? (filter|nat|mangle|raw|security)$/d' | while read -r _ table; do
    # shellcheck disable=SC2086 # a family and a name
    nft --stateless list table $table | awk -v in_table="nft $table" '
      $1 ~ /^(chain|set|map)$/ { part = $2 }
      { gsub(/^[ \t]+/, ""); print "firewall\t" in_table " " part " " $0 "\tonce" }'
  done
}

listening() { ss --no-header --listening --tcp --udp --numeric | awk '{ print "listening\t" $1 " " $5 "\tonce" }'; }

# Without those in containers, Docker's own beside every container or health check (also where one has just ended), and this script.
processes() {
  local pidns session
  read -r pidns session < <(ps --no-headers -o pidns,sess $$)
  ps -eww --no-headers -o pidns,sess,user,args | awk -v pidns="$pidns" -v session="$session" '
    $1 != pidns || $2 == session || $4 ~ /(^|\/|^\[)(containerd-shim|docker-proxy|runc)/ { next }
    { $1 = $2 = ""; sub(/^ +/, ""); print "process\t" $0 "\tonce" }'
}

files
docker_objects
units
firewall
listening
processes
