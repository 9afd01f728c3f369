# Security updates install themselves, and the clock follows the time.
set -euo pipefail

place "$PERIODIC" /etc/apt/apt.conf.d/20auto-upgrades
for unit in apt-daily.timer apt-daily-upgrade.timer unattended-upgrades.service; do
  if [ "$(systemctl is-enabled "$unit")" = masked ]; then echo "$unit is masked, and stays so"; else run_unit "$unit"; fi
done

# A container has its host's clock.
! systemd-detect-virt --quiet --container || exit 0
[ "$(timedatectl show --property NTP --value)" != yes ] || exit 0
[ "$(timedatectl show --property CanNTP --value)" = yes ] || install_packages systemd-timesyncd
timedatectl set-ntp true
