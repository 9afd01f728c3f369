# shellcheck shell=bash
# Each configuration of the gateway, whose process is $gateway_pid, answers on a port of its own, inside the container only, with what
# it is: `REVISION HASH…`, its number and the sections that it has (caddyfile.ts). One that is followed by another does so for a while
# yet, until it has let go of its connections.

# revision_running NUMBER: what that configuration says; fails where it does not run.
revision_running() {
  sudo nsenter --target "${gateway_pid:?}" --net -- curl --silent --fail --max-time 10 "http://127.0.0.1:$((20000 + $1 % 10000))/"
}

# Returns when no configuration but one listens, each on one of the ports 20000 to 29999 of 127.0.0.1, or none at all; at the latest
# after a minute. One process that looks again and again: users' requests are not to wait for programs that start meanwhile.
await_one_revision() {
  sudo perl - "$gateway_pid" <<'PERL'
    use strict;
    use warnings;
    my ($pid) = @ARGV;
    my ($LISTENING, $LOCALHOST) = ('0A', '0100007F');

    sub listening {
      open my $sockets, '<', "/proc/$pid/net/tcp" or return 0;
      return grep { /^\s*\d+: $LOCALHOST:(\w{4}) \S+ $LISTENING / && int(hex($1) / 10000) == 2 } <$sockets>;
    }
    for (1 .. 1200) {
      last if listening() < 2;
      select undef, undef, undef, 0.05;
    }
PERL
}
