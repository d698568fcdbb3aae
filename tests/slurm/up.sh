#!/usr/bin/env bash
# A throw-away Slurm of one node, with accounting, on loopback alone: up.sh FOLDER; down.sh ends it.
# It needs root on Debian, and installs Slurm's packages where they are missing. Partition `main`, 8
# pretended cores, one pretended GPU. Exit 77: it cannot run here; the line that it prints says why.
# up.sh --install: the packages alone, so that no test that runs beside meets half of them.
set -euo pipefail

skip() { echo "$*"; exit 77; }

[ "$(id -u)" = 0 ] || skip "a throw-away Slurm needs root"
command -v apt-get > /dev/null || skip "a throw-away Slurm needs Debian's packages (no apt-get here)"
for file in slurm slurmdbd gres; do
  [ ! -e "/etc/slurm/$file.conf" ] || skip "/etc/slurm/$file.conf is there: another Slurm is set up here"
done

HERE=$(realpath "$(dirname "$0")")
NODE=$(hostname -s)

install_packages() {
  local policy=/usr/sbin/policy-rc.d  # no service of the packages may start
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod +x $policy
    trap "rm -f $policy" RETURN
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq &&
    apt-get install -y -qq --no-install-recommends \
      munge slurmctld slurmd slurm-client slurmdbd mariadb-server
}

wait_for() {  # seconds, command
  for _ in $(seq $(($1 * 5))); do
    "${@:2}" > /dev/null 2>&1 && return
    sleep 0.2
  done
  echo "after $1 s there is no answer to: ${*:2}" >&2
  return 1
}

for program in slurmctld slurmd slurmdbd squeue munged mariadbd; do
  if ! command -v $program > /dev/null; then
    install_packages > /dev/null 2>&1 || skip "Slurm's packages cannot be installed here"
    break
  fi
done

[ "$1" != --install ] || exit 0

FOLDER=$(realpath -m "$1")
mkdir -p "$FOLDER"/{etc,munge,state,spool,log,run,mysql}
chmod 755 "$FOLDER"
chmod 711 "$FOLDER/munge"
(umask 077 && head -c 1024 /dev/urandom > "$FOLDER/munge/key")
munged --key-file="$FOLDER/munge/key" --socket="$FOLDER/munge/sock" --seed-file="$FOLDER/munge/seed" \
  --pid-file="$FOLDER/run/munged.pid" --log-file="$FOLDER/munge/log"

mariadb-install-db --no-defaults --datadir="$FOLDER/mysql" --user=root --skip-test-db \
  --auth-root-authentication-method=socket > "$FOLDER/log/install-db.log" 2>&1
setsid mariadbd --no-defaults --user=root --datadir="$FOLDER/mysql" --bind-address=127.0.0.1 \
  --port=13306 --socket="$FOLDER/run/mysql.sock" --pid-file="$FOLDER/run/mariadbd.pid" \
  < /dev/null > "$FOLDER/log/mariadb.log" 2>&1 &
wait_for 200 mariadb-admin --no-defaults -S "$FOLDER/run/mysql.sock" ping
mariadb --no-defaults -S "$FOLDER/run/mysql.sock" -e \
  "create user slurm@localhost identified by 'x'; grant all on slurm_acct_db.* to slurm@localhost"

for file in slurm slurmdbd gres; do
  sed -e "s|@FOLDER@|$FOLDER|g" -e "s|@NODE@|$NODE|g" "$HERE/etc/$file.conf" > "$FOLDER/etc/$file.conf"
done
chmod 600 "$FOLDER/etc/slurmdbd.conf"
# A job step loses SLURM_CONF, so the files must stand where Slurm looks for them.
for file in slurm slurmdbd gres; do ln -sfn "$FOLDER/etc/$file.conf" "/etc/slurm/$file.conf"; done

slurmdbd
wait_for 200 sacctmgr -n list cluster
slurmctld
wait_for 200 sh -c "scontrol ping | grep -q UP"
slurmd
wait_for 200 sh -c "sinfo -h -o %T | grep -q idle"
wait_for 200 srun -t 1 true
