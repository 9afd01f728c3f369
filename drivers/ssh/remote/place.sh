# make_folder FOLDER OWNER: makes it, and what is missing above it, 0700. Its owner makes it: a folder that is given away afterwards
# is root's for ever when a shutdown comes in between.
make_folder() {
  [ -d "$1" ] || setpriv --reuid "${2%:*}" --regid "${2#*:}" --keep-groups mkdir -p "$1"
}

# place STAGED OWNER WRITER: copies every file below STAGED beside its absolute target and renames it: nobody reads half a file.
# The copy is named after its one WRITER, who finds it again and takes it away when a reboot had come in between. One
# process copies all of them: a program for each step of each file would be felt by whoever uses the server.
place() {
  local owner=$2 writer=$3
  [ -d "$1" ] || return 0
  find "$1" -type f -printf '%h\0' | sort --zero-terminated --unique | while IFS= read -r -d '' folder; do
    make_folder "${folder#"$1"}" "$owner" || return
  done || return
  find "$1" -type f -printf '%m %P\0' | perl -0 -e '
    use strict;
    use warnings;
    use Fcntl;
    my ($staged, $owner, $writer) = splice @ARGV;
    sub copied {
      my ($mode, $path, $beside) = @_;
      open my $from, "<:raw", "$staged/$path" or return;
      unlink $beside;
      sysopen my $to, $beside, O_WRONLY | O_CREAT | O_EXCL, 0600 or return;
      my $content = do { local $/; <$from> };
      print $to $content or return;
      return chown(split(/:/, $owner), $beside) && chmod(oct $mode, $beside) && close($to) && rename($beside, "/$path");
    }
    while (<STDIN>) {
      chomp;
      my ($mode, $path) = split / /, $_, 2;
      my ($folder, $name) = "/$path" =~ m{^(.*)/(.*)$}s;
      my $beside = "$folder/.keystone.$writer.$name";
      next if copied($mode, $path, $beside);
      my $why = $!;
      unlink $beside;
      die "/$path cannot be written: $why\n";
    }' "$1" "$owner" "$writer"
}
