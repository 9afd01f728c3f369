#!/bin/bash
# What every script that reads a repository begins with. Needs REPOSITORY_URL, KNOWN_HOSTS and the secret deploy-key.

# open_repository FOLDER: makes it an empty repository beside which host keys lie; it is the current folder then.
open_repository() {
  mkdir -p "$1"
  printf '%s\n' "$KNOWN_HOSTS" >"$1.known_hosts"
  export GIT_TERMINAL_PROMPT=0
  export GIT_SSH_COMMAND="ssh -F none -i $KEYSTONE_SECRETS/deploy-key -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=$1.known_hosts -o GlobalKnownHostsFile=none -o ConnectTimeout=20"
  git -c init.defaultBranch=main init --quiet "$1"
  cd "$1"
  git remote add origin "$REPOSITORY_URL"
}

# fetch_commit COMMIT [OPTION …]: a server with protocol version 0 gives out tips only: then the branches are fetched whole.
fetch_commit() {
  if ! git -c protocol.version=2 fetch --quiet --depth 1 --no-tags "${@:2}" origin "$1" 2>../fetch.err; then
    git fetch --quiet --no-tags origin '+refs/heads/*:refs/remotes/origin/*' || { cat ../fetch.err >&2; return 1; }
  fi
}

