# shellcheck shell=bash
# After containers.sh and revisions.sh: waits until no configuration of before has connections of its own any more, and then until these upstreams
# (UPSTREAMS, one a line, each with the seconds that it is given) have had no request in flight twice in a row, as Caddy's admin API
# counts them, or their time is over. Where Caddy gives no answer nothing is known, and all of the time passes.
cd /home/keystone/gateway || exit

# await_quiet SECONDS_GONE: tells those that have requests in flight in the end, with their number, as a list in JSON. One process that
# looks again and again: what users still have here is not to be slowed down by programs that start meanwhile.
await_quiet() {
  sudo perl - "$1" "$UPSTREAMS" <<'PERL'
    use strict;
    use warnings;
    use IO::Socket::UNIX;
    my ($gone, $upstreams) = @ARGV;
    my $began = time - $gone;
    my %seconds = map { /^(\S+) (\d+)$/ } split /\n/, $upstreams;

    # Requests in flight by upstream; nothing where Caddy does not say.
    sub in_flight {
      local $SIG{ALRM} = sub { die "no answer within 10 s\n" };
      my $counted = eval {
        alarm 10;
        my $socket = IO::Socket::UNIX->new(Peer => 'admin.sock') or die "admin.sock: $!\n";
        print $socket "GET /reverse_proxy/upstreams HTTP/1.0\r\nHost: localhost\r\n\r\n";
        local $/;
        my $answer = <$socket> // '';
        $answer =~ m{^HTTP/1\.\d 200 } or die "Caddy answers: ", substr($answer, 0, 200), "\n";
        $answer;
      };
      alarm 0;
      print STDERR $@ and return unless defined $counted;
      return { $counted =~ /"address":"([^"]+)","num_requests":(\d+)/g };
    }

    my ($quiet, $counted) = (0);
    while (1) {
      my @awaited = grep { time - $began < $seconds{$_} } keys %seconds;
      $counted = in_flight();
      $quiet = $counted && !grep({ $counted->{$_} } @awaited) ? $quiet + 1 : 0;
      last if $quiet >= 2 || !@awaited;
      select undef, undef, undef, $counted ? 0.05 : 1;
    }
    my @left = grep { $counted->{$_} } sort keys %seconds;
    print '[', join(',', map { qq({"upstream":"$_","inFlight":$counted->{$_}}) } @left), ']';
PERL
}

# shellcheck disable=SC2034 # of revisions.sh
gateway_pid=$(docker inspect --format '{{.State.Pid}}' "$CONTAINER")
await_one_revision
await_quiet "$SECONDS" >"$KEYSTONE_RESULT"
