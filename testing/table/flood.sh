# shellcheck shell=bash
# What fills the flow table, and what becomes of flows meanwhile.

FLOOD_BACKENDS=100
FLOOD_ESTABLISHED=100000
FLOOD_SMALL=131072 # a table that the flood fills at once

# flood_balancer NAME [LOAD-OPTION...]
flood_balancer() {
	bench_balancer "$@"
	bench_service "$1" 8000 4 "$FLOOD_BACKENDS" --scheduler wrr --forward dsr
	bench_service "$1" 8001 4 "$FLOOD_BACKENDS" --scheduler wrr --forward nat
}

# flood_part NAME ARGUMENT...: and the balancer is gone again.
flood_part() {
	local status=0
	NET_TIMEOUT=1000 in_ns balancer testing/build/flood testing/build/bench.bpf.o \
		"$(in_ns balancer ip -o link show eth0 | cut -d: -f1)" "$(program_id "$1")" "${@:2}" || status=$?
	# It says itself what failed, unless it died.
	[ "$status" -le 1 ] || echo "not ok flood ${*:2}: ended with status $status"
	config unload -p "/sys/fs/bpf/$1" "$1"
	in_ns balancer ip link del "$1"
	return "$status"
}

# flood [SYNS]: so many SYNs to the table of the default size; less to the others.
flood() {
	local syns=${1:-50000000} failed=0 percent
	flood_balancer flood
	flood_part flood attack 8000 "$FLOOD_ESTABLISHED" "$syns" || failed=1
	flood_balancer flood
	flood_part flood attack 8001 "$FLOOD_ESTABLISHED" $((syns / 5)) || failed=1
	flood_balancer flood --flows "$FLOOD_SMALL"
	flood_part flood attack 8000 "$FLOOD_ESTABLISHED" $((syns / 5)) || failed=1
	flood_balancer flood --flows "$FLOOD_SMALL"
	flood_part flood attack 8001 "$FLOOD_ESTABLISHED" $((syns / 5)) || failed=1
	flood_balancer flood --flows 65536
	flood_part flood full 8000 8001 || failed=1
	for percent in 50 70 80 90; do
		flood_balancer flood
		flood_part flood load 8000 "$percent" || failed=1
	done
	return "$failed"
}
