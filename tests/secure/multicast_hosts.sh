#!/usr/bin/env bash
# Two nodes on two hosts (network namespaces joined by a cable) that know no seed find each other by
# multicast, sealed; a third with another secret does not get in. Needs root and iproute2: skipped (77) else.
# Usage: multicast_hosts.sh PROGRAM
set -euo pipefail
program=$1
[ "$(id -u)" = 0 ] && command -v ip >/dev/null || { echo "skipped: needs root and ip"; exit 77; }
a=troupe-$$-a
b=troupe-$$-b
home=$(mktemp -d)
pids=()
clean_up() {
  for pid in "${pids[@]:-}"; do [ -z "$pid" ] || kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  ip netns del "$a" 2>/dev/null || true
  ip netns del "$b" 2>/dev/null || true
  rm -rf "$home"
}
trap clean_up EXIT
ip netns add "$a" 2>/dev/null && ip netns add "$b" || { echo "skipped: no network namespaces here"; exit 77; }
ip link add "va$$" netns "$a" type veth peer name "vb$$" netns "$b" || { echo "skipped: no veth"; exit 77; }
for side in "$a va$$ 10.77.0.1" "$b vb$$ 10.77.0.2"; do
  read -r ns device address <<<"$side"
  ip -n "$ns" addr add "$address/24" dev "$device"
  ip -n "$ns" link set lo up
  ip -n "$ns" link set "$device" up
done
echo "correct horse battery staple" >"$home/secret"
echo guess >"$home/wrong"

start() {  # namespace name address secret
  ip netns exec "$1" "$program" node --services http,cache --name "$2" --data-dir "$home/$2" --http 127.0.0.1:0 \
    --cluster "$3" --set cluster.secret_file="$home/$4" --set cluster.multicast=239.255.70.70:7071 \
    --set cluster.expected_members=2 --set gossip.profile=fast >"$home/$2.log" 2>&1 &
  pids+=($!)
}
wait_for() {  # file text
  for _ in $(seq 200); do
    grep -q "$2" "$1" && return 0
    read -r -t 0.1 <> <(:) || true
  done
  echo "no \"$2\" in $1:"
  cat "$1"
  return 1
}
start "$a" n1 10.77.0.1:7070 secret
start "$b" n2 10.77.0.2:7070 secret
wait_for "$home/n1.log" "leader_elected"
wait_for "$home/n2.log" "leader_elected"
grep -q "member_joined name=n2" "$home/n1.log"
start "$b" n3 10.77.0.2:7072 wrong
wait_for "$home/n3.log" "join_unanswered"
! grep -q "name=n3" "$home/n1.log"
echo "two hosts met by multicast; the stranger stayed outside"
