#!/usr/bin/env bash
# A real Slurm on this machine, for the tests: one controller, several nodes, one folder for all its files.
#
#   slurm-local.sh start DIR     bring it up; prints the variables that clients need
#   slurm-local.sh lose DIR N    take node N away: its daemon and all it runs die at once
#   slurm-local.sh back DIR N    start node N's daemon again
#   slurm-local.sh stop DIR      end every daemon that `start` and `back` started
#
# NODES (3), CPUS of each node (2), ARRAY, the largest array (1001) and PORT (16817) come from the
# environment. Exits with 77 when Slurm cannot be had here: Debian's packages slurm-wlm and munge are
# installed where they are missing and this is root.
set -euo pipefail

verb=${1:?start, lose, back or stop}
dir=$(realpath -m "${2:?a folder}")
nodes=${NODES:-3} cpus=${CPUS:-2} array=${ARRAY:-1001} port=${PORT:-16817}
export SLURM_CONF=$dir/slurm.conf
PATH=$PATH:/usr/sbin:/sbin

unavailable() {
    echo "$1" >&2
    exit 77
}

last_line() {
    tail -n 1 "$dir/$1" 2>/dev/null || echo "no log"
}

install_packages() {
    local program missing=()
    for program in slurmctld slurmd sbatch munged; do
        command -v "$program" >/dev/null || missing+=("$program")
    done
    [[ ${#missing[@]} -eq 0 ]] && return
    [[ $(id -u) -eq 0 ]] || unavailable "no ${missing[*]} here, and only root can install them"
    command -v apt-get >/dev/null || unavailable "no ${missing[*]} here, and no apt-get to install them"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge; } \
        >"$dir/install.log" 2>&1 || unavailable "the packages slurm-wlm and munge cannot be installed: $(last_line "install.log")"
}

configure() {
    local host number
    host=$(hostname -s)
    {
        cat <<CONF
ClusterName=local
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
# A requeued job waits for its old credential to run out: 120 seconds unless told otherwise.
AuthInfo=socket=$dir/munge.socket,cred_expire=5
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/%n.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/%n.log
SlurmdTimeout=10
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
MaxArraySize=$array
CONF
        for ((number = 1; number <= nodes; number++)); do
            echo "NodeName=node$number NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + number)) CPUs=$cpus RealMemory=1000"
        done
        echo "PartitionName=main Nodes=node[1-$nodes] Default=YES MaxTime=INFINITE State=UP"
    } >"$SLURM_CONF"
}

# Starts munged with a key and a socket of its own: the system's, if it runs, is left alone.
start_munged() {
    (umask 077 && head -c 1024 /dev/urandom >"$dir/munge.key")
    munged --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" --pid-file="$dir/munged.pid" \
        --log-file="$dir/munged.log" --seed-file="$dir/munge.seed" 2>>"$dir/munged.log" \
        || unavailable "munged does not start: $(last_line "munged.log")"
}

start_node() {
    mkdir -p "$dir/node$1"
    slurmd -N "node$1" || unavailable "slurmd does not start: $(last_line "node$1.log")"
}

wait_for_nodes() {
    local tries idle
    for ((tries = 0; tries < 60; tries++)); do
        idle=$(sinfo -h -t idle -o %D 2>/dev/null | awk '{sum += $1} END {print sum + 0}')
        [[ $idle -eq $nodes ]] && return
        sleep 0.5
    done
    unavailable "only $idle of $nodes nodes came up: $(sinfo 2>&1 | tail -n 1)"
}

# The processes that run under a node: it stands in the environment of everything that a step starts.
processes_of() {
    local folder variables
    for folder in /proc/[0-9]*; do
        variables=$({ tr '\0' '\n' <"$folder/environ"; } 2>/dev/null) || continue
        if grep -qx "SLURMD_NODENAME=node$1" <<<"$variables" && grep -qxF "SLURM_CONF=$SLURM_CONF" <<<"$variables"; then
            basename "$folder"
        fi
    done
}

# The step daemons above these processes.
step_daemons() {
    local process parent
    for process in "$@"; do
        parent=$(awk '/^PPid:/ {print $2}' "/proc/$process/status" 2>/dev/null) || continue
        [[ $(cat "/proc/$parent/comm" 2>/dev/null) == slurmstepd ]] && echo "$parent"
    done | sort -u
}

lose_node() {
    local processes daemons
    processes=$(processes_of "$1")
    # shellcheck disable=SC2086 # one word for each process
    daemons=$(step_daemons $processes)
    # shellcheck disable=SC2086
    kill -9 "$(cat "$dir/node$1.pid")" $daemons $processes 2>/dev/null || true
    # shellcheck disable=SC2086
    echo "node$1: the daemon and $(wc -w <<<"$processes") processes killed"
}

stop() {
    local file pid tries
    [[ -f $SLURM_CONF ]] && scancel --user="$(id -un)" >/dev/null 2>&1 && sleep 1
    for file in "$dir"/node*.pid "$dir/slurmctld.pid" "$dir/munged.pid"; do
        [[ -f $file ]] || continue
        pid=$(cat "$file")
        kill "$pid" 2>/dev/null || continue
        for ((tries = 0; tries < 50; tries++)); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -9 "$pid" 2>/dev/null || true
    done
}

case $verb in
    start)
        mkdir -p "$dir/state"
        install_packages
        configure
        start_munged
        slurmctld || unavailable "slurmctld does not start: $(last_line "slurmctld.log")"
        for ((number = 1; number <= nodes; number++)); do
            start_node "$number"
        done
        wait_for_nodes
        echo "SLURM_CONF=$SLURM_CONF"
        ;;
    lose) lose_node "${3:?a node}" ;;
    back) start_node "${3:?a node}" ;;
    stop) stop ;;
    *)
        echo "$verb: expected start, lose, back or stop" >&2
        exit 2
        ;;
esac
