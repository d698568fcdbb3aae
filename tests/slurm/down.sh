#!/usr/bin/env bash
# Ends what up.sh FOLDER began, each process by its pid file, and removes the folder.
set -uo pipefail
FOLDER=$(realpath "$1")

timeout 60 scancel -u root 2> /dev/null
for _ in $(seq 50); do
  [ -z "$(timeout 60 squeue -h 2> /dev/null)" ] && break
  sleep 0.2
done
for name in slurmd slurmctld slurmdbd mariadbd munged; do
  pid=$(cat "$FOLDER/run/$name.pid" 2> /dev/null) || continue
  [ "$(cat "/proc/$pid/comm" 2> /dev/null)" = $name ] || continue  # it is gone, its number another's
  kill "$pid"
  for _ in $(seq 150); do
    [ -e "/proc/$pid" ] || break
    sleep 0.1
  done
  [ ! -e "/proc/$pid" ] || kill -9 "$pid"
done
for file in slurm slurmdbd gres; do
  [ "$(readlink "/etc/slurm/$file.conf")" != "$FOLDER/etc/$file.conf" ] || rm "/etc/slurm/$file.conf"
done
rm -rf "$FOLDER"
