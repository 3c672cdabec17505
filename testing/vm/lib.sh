# shellcheck shell=bash disable=SC2034,SC2154
# What the guests share: hosts in namespaces of their own, and results. Lies beside them in /xdplb.

PINS=/sys/fs/bpf/xdplb
failed=0
about=

# ---- hosts -------------------------------------------------------------------------------------------------------------

# Not `ip netns exec`: that mounts a fresh /sys, where the pins of bpffs are missing.
in_ns() {
	local name=$1
	shift
	nsenter --net="/run/netns/$name" "$@"
}

lb() {
	in_ns lb "$@"
}

config() {
	in_ns lb /xdplb/xdplb-config "$@"
}

add_switch() {
	local bridge
	ip netns add switch
	for bridge; do
		ip -n switch link add "$bridge" type bridge
		ip -n switch link set "$bridge" up
	done
}

# add_host NAME: a namespace, whose loopback interface is up.
add_host() {
	ip netns add "$1"
	ip -n "$1" link set lo up
}

# add_wire HOST IFACE BRIDGE NUMBER ADDRESS/LEN...: an interface plugged into a bridge, the MAC ending in NUMBER. The
# switch's end is called as the interface.
add_wire() {
	local host=$1 iface=$2 bridge=$3 mac=02:00:00:00:00:$4
	shift 4
	ip link add "$iface" netns switch type veth peer name "$iface" address "$mac" netns "$host"
	ip -n switch link set "$iface" master "$bridge" up
	add_addresses "$host" "$iface" "$@"
}

# carry_xdp HOST IFACE: makes a wire fit for XDP. No hardware fills in the checksums and VLAN tags that the kernel leaves
# to it, or cuts what is too long; and a veth takes nothing that XDP at its other end sends unless it has GRO.
carry_xdp() {
	in_ns "$1" ethtool -K "$2" tx off txvlan off tx-vlan-stag-hw-insert off >/dev/null
	in_ns switch ethtool -K "$2" tx off txvlan off tx-vlan-stag-hw-insert off gro on >/dev/null
}

# add_addresses HOST IFACE ADDRESS/LEN...: and the interface is up.
add_addresses() {
	local host=$1 iface=$2 address
	shift 2
	{
		for address; do
			echo "addr add $address dev $iface $([[ $address != *:* ]] || echo nodad)"
		done
		echo "link set $iface up"
	} | ip -n "$host" -batch -
}

# ---- results -----------------------------------------------------------------------------------------------------------

# Says on standard output what is wrong.
wrong() {
	echo "$*"
	return 1
}

# check NAME COMMAND...: one case. What could not be loaded need not be looked at: its cases end there.
check() {
	local why name="$about: $1"
	shift
	if why=$("$@" 2>&1); then
		echo "ok $name"
	else
		echo "not ok $name: $(paste -sd ';' <<<"$why")"
		failed=1
		return 1
	fi
}

# chain_is [PRIORITY:NAME]...: a dispatcher is there, and calls just these, in this order.
chain_is() {
	local status chain
	status=$(lb xdp-loader status lb0)
	chain=$(awk '$1 == "=>" { print $2 ":" $3 }' <<<"$status" | paste -sd ' ')
	[[ $status == *xdp_dispatcher* ]] || wrong "no dispatcher on lb0" || return
	[[ $chain == "$*" ]] || wrong "the chain is '$chain', not '$*'"
}

# A healthy balancer.
doctor_finds_nothing() {
	local said
	said=$(config doctor 2>&1)
	[[ $said == "nothing found" ]] || wrong "$said"
}
