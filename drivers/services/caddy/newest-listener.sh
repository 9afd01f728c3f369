# shellcheck shell=bash
# For each configuration Caddy opens its ports again (SO_REUSEPORT), while those of the one before are still open, and Linux would
# hand new connections to either. What the old sockets have taken when Caddy closes them gets no answer: Go ends a connection whose
# request it has not read by then, and Linux resets those that nobody has accepted. So new connections are to come to the newest
# sockets alone, and the old configuration gets time for what it has (`shutdown_delay`): then it has nothing left to lose.

# prefer_newest PID: has Linux give each connection to the second socket of its port where there are two, which is the newer one.
# This stays with the port for as long as any socket of it is open. `BPF_RET | BPF_K, 1` is a classic BPF program that answers 1:
# the index of a socket in its group (socket(7), SO_ATTACH_REUSEPORT_CBPF); where there is no such socket, Linux chooses as usual.
prefer_newest() {
  sudo perl - "$1" <<'PERL'
    use strict;
    use warnings;
    my ($pid) = @ARGV;
    my ($PIDFD_OPEN, $PIDFD_GETFD) = (434, 438);
    my ($SOL_SOCKET, $SO_ATTACH_REUSEPORT_CBPF) = (1, 51);
    my $LISTENING = '0A';
    my $filter = pack 'S C C L', 0x06, 0, 0, 1;
    my $program = pack 'S x![P] P', 1, $filter;

    my %listening;
    for my $table (grep { -e } "/proc/$pid/net/tcp", "/proc/$pid/net/tcp6") {
      open my $sockets, '<', $table or die "$table: $!";
      while (<$sockets>) {
        my (undef, undef, undef, $state, undef, undef, undef, undef, undef, $inode) = split;
        $listening{$inode} = 1 if $state eq $LISTENING;
      }
    }
    my $process = syscall $PIDFD_OPEN, $pid + 0, 0;
    die "pidfd_open: $!" if $process < 0;
    for my $path (glob "/proc/$pid/fd/*") {
      my ($inode) = (readlink $path // '') =~ /^socket:\[(\d+)\]$/ or next;
      next unless $listening{$inode};
      my ($number) = $path =~ /(\d+)$/;
      my $copy = syscall $PIDFD_GETFD, $process, $number + 0, 0;
      die "pidfd_getfd: $!" if $copy < 0;
      open my $socket, '+<&=', $copy or die "socket $number: $!";
      setsockopt $socket, $SOL_SOCKET, $SO_ATTACH_REUSEPORT_CBPF, $program or die "setsockopt: $!";
    }
PERL
}
