# shellcheck shell=bash
# Small networks made of network namespaces; for the demo and the tests.
#
#	. testing/lib/net.sh
#	net_isolate "$@"
#	net_begin
#	topo_flat 3
#	http_start backend1 backend1 8000
#	in_ns client curl -sS http://10.71.0.11:8000/
#
# A host is a namespace: `client` here is `xdplb-client` to ip(8). All are wired
# to bridges in one more namespace, `switch`. Nothing is sent ahead of a test
# to fill neighbour tables: a network that needs that is broken.

NET_LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
NET_PREFIX=xdplb-
# Debian's own: a python3 earlier in PATH may be anything.
NET_PYTHON=/usr/bin/python3
# Nobody waits longer: for one command, for a server to end.
NET_TIMEOUT=${NET_TIMEOUT:-60}
NET_SERVER_TIMEOUT=${NET_SERVER_TIMEOUT:-900}
NET_DIR=
NET_STARTED=()

# net_die MESSAGE...: ends the script with one line.
net_die() {
	echo "net: $*" >&2
	exit 1
}

# ---- beginning and end ---------------------------------------------------------

# net_isolate "$@": starts the script again in mount and pid namespaces of its
# own, where names, pins and processes meet no other run's and end with it, even
# by kill -9. Call it before anything that should not happen twice.
net_isolate() {
	local child status=0
	[ -z "${XDPLB_ISOLATED:-}" ] || return 0
	[ "$(id -u)" = 0 ] || net_die "needs root, for network namespaces and BPF"
	# Without them (a container that forbids it) the script runs as it is.
	unshare --mount --pid --fork --mount-proc true 2>/dev/null || return 0
	{ true 3<&0; } 2>/dev/null || exec </dev/null
	# In the background, because unshare itself ignores the signals that end us.
	# setpriv: should this shell be killed outright, the kernel ends the rest.
	XDPLB_ISOLATED=new setpriv --pdeathsig KILL \
		unshare --mount --pid --fork --kill-child --mount-proc bash "$0" "$@" <&0 &
	child=$!
	trap 'kill -KILL $child 2>/dev/null || true; exit 143' TERM HUP
	trap 'kill -KILL $child 2>/dev/null || true; exit 130' INT
	wait "$child" || status=$?
	exit "$status"
}

# net_begin: clean ground for the first topology, and the promise to clean up at exit.
# A script that has an EXIT trap of its own calls net_end in it.
net_begin() {
	[ "$(id -u)" = 0 ] || net_die "needs root, for network namespaces and BPF"
	trap net_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	NET_DIR=$(mktemp -d)
	if [ "${XDPLB_ISOLATED:-}" = new ]; then
		export XDPLB_ISOLATED=yes
		# Names of namespaces, and the lock files of xdp-loader and xdplb-config.
		mount -t tmpfs -o mode=755 tmpfs /run
		mkdir /run/netns
		mount -t bpf bpf /sys/fs/bpf
	fi
	ensure_bpffs
	net_clear
}

# net_end: stops what was started, deletes every namespace; safe to call twice.
net_end() {
	net_clear
	[ -z "$NET_DIR" ] || rm -rf "$NET_DIR"
	NET_DIR=
}

# net_clear: as net_end, but another topology may follow.
net_clear() {
	local path ns
	for path in /run/netns/"$NET_PREFIX"*; do
		[ -e "$path" ] || continue
		ns=${path##*/}
		# Only what was started in our own namespaces runs there.
		# shellcheck disable=SC2046 # one process a word
		kill -KILL $(ip netns pids "$ns") || true
		ip netns del "$ns" || true
	done
	# Waited for here, where the shell's obituaries go nowhere.
	[ ${#NET_STARTED[@]} = 0 ] || wait "${NET_STARTED[@]}" || true
	NET_STARTED=()
} 2>/dev/null

# ensure_bpffs: mounts the BPF file system where everybody looks for it.
ensure_bpffs() {
	! grep -q ' /sys/fs/bpf bpf ' /proc/mounts || return 0
	mount -t bpf bpf /sys/fs/bpf || net_die "cannot mount the BPF file system at /sys/fs/bpf"
}

# ---- hosts and wires ------------------------------------------------------------

# in_ns HOST COMMAND...: runs COMMAND there, at most NET_TIMEOUT seconds. Not
# `ip netns exec`, which would hide the BPF file system and every pin.
in_ns() {
	local host=$1
	shift
	nsenter --net="/run/netns/$NET_PREFIX$host" -- timeout --foreground -k 2 "$NET_TIMEOUT" "$@"
}

# ns_sysctl HOST KEY VALUE: sets a net.* sysctl (key with slashes) in that host only.
ns_sysctl() {
	in_ns "$1" sh -c "echo '$3' >/proc/sys/net/$2"
}

# parent_add: the namespace whose children are the hosts. They have a small table of TCP sockets
# each (since Linux 6.1) in place of this machine's large one, which every reader of
# /proc/net/tcp, as is every change of a service, would walk from end to end.
parent_add() {
	ip netns add "${NET_PREFIX}parent"
	in_ns parent sh -c 'cd /proc/sys/net/ipv4 && [ ! -e tcp_child_ehash_entries ] || echo 1024 >tcp_child_ehash_entries'
}

# host_add HOST: a new, empty host. Forwarding is off whatever this machine's default is, and
# IPv6 addresses, those that the kernel makes too, are of use at once.
host_add() {
	[ -e "/run/netns/${NET_PREFIX}parent" ] || parent_add
	nsenter --net="/run/netns/${NET_PREFIX}parent" ip netns add "$NET_PREFIX$1"
	in_ns "$1" sh -ec '
		echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
		ip link set lo up
		echo 0 >/proc/sys/net/ipv4/ip_forward'
}

# switch_add BRIDGE...: makes the switch if there is none, and bridges in it, one a network.
switch_add() {
	local bridge
	[ -e "/run/netns/${NET_PREFIX}switch" ] || host_add switch
	for bridge; do
		echo "link add $bridge type bridge stp_state 0 forward_delay 0 mcast_snooping 0"
		echo "link set $bridge up"
	done | in_ns switch ip -batch -
}

# wire HOST IFACE BRIDGE ADDRESS/LEN...: gives HOST an interface with these addresses, plugged
# into BRIDGE. The switch's end is called HOST-IFACE.
wire() {
	local host=$1 iface=$2 bridge=$3 port=$1-$2 address
	shift 3
	in_ns switch ip link add "$port" type veth peer name "$iface" netns "$NET_PREFIX$host"
	wire_offloads "$host" "$iface" "$port"
	in_ns switch ip link set "$port" master "$bridge" up
	{
		for address; do
			# Without nodad an IPv6 address is of no use for its first second.
			case $address in
			*:*) echo "address add $address dev $iface nodad" ;;
			*) echo "address add $address dev $iface" ;;
			esac
		done
		echo "link set $iface up"
	} | in_ns "$host" ip -batch -
}

# wire_offloads HOST IFACE PORT: makes a veth pair behave like a cable.
# tx off: no checksum is left for hardware that is not there to fill in, and no
# packet is longer than the MTU. gro on: veth takes what XDP sends by XDP_TX and
# redirect only where the other end polls; what GRO joins there, the switch cuts
# up again (tx off, on its end too).
wire_offloads() {
	in_ns "$1" ethtool -K "$2" tx off >/dev/null
	in_ns switch ethtool -K "$3" tx off gro on >/dev/null
}

# wires_ready: waits until the switch forwards on every port (the kernel may take a second
# to notice that a link came up). Sends nothing.
wires_ready() {
	local try
	for try in {1..100}; do
		in_ns switch ip -d link show type veth | awk '
			/ bridge_slave / { if (/ state forwarding /) up++; else down++ }
			END { exit !(up > 0 && down == 0) }' && return
		sleep 0.05
	done
	net_die "the switch's ports do not come up (${try} tries)"
}

# route HOST DESTINATION GATEWAY: IPv4 or IPv6; `default` is a destination.
route() {
	case $3 in
	*:*) in_ns "$1" ip -6 route add "$2" via "$3" ;;
	*) in_ns "$1" ip route add "$2" via "$3" ;;
	esac
}

# ---- topologies -----------------------------------------------------------------

# topo_tutorial: the README's network. Every host's interface is eth0 (and the gateway's eth1).
#
#	client 10.0.0.20 --- 10.0.0.1 gateway 192.168.178.1 --+-- balancer 192.168.178.10
#	                                                      +-- backend1 192.168.178.11
#	                                                      +-- backend2 192.168.178.12
topo_tutorial() {
	local host last=9
	switch_add clients servers
	host_add client
	wire client eth0 clients 10.0.0.20/24
	route client default 10.0.0.1
	host_add gateway
	wire gateway eth0 clients 10.0.0.1/24
	wire gateway eth1 servers 192.168.178.1/24
	ns_sysctl gateway ipv4/ip_forward 1
	for host in balancer backend1 backend2; do
		last=$((last + 1))
		host_add "$host"
		wire "$host" eth0 servers "192.168.178.$last/24"
		route "$host" default 192.168.178.1
	done
	wires_ready
}

# add_backends N NETWORK BRIDGE: backend1 to backendN at 10.NETWORK.0.11 and fdNETWORK::11 upwards.
add_backends() {
	local i
	for ((i = 1; i <= $1; i++)); do
		host_add "backend$i"
		wire "backend$i" eth0 "$3" "10.$2.0.$((10 + i))/24" "fd$2::$((10 + i))/64"
	done
}

# topo_flat N: client .2, balancer .10 and N backends .11 ... on one network, 10.71.0.0/24
# and fd71::/64.
topo_flat() {
	switch_add lan
	host_add client
	wire client eth0 lan 10.71.0.2/24 fd71::2/64
	host_add balancer
	wire balancer eth0 lan 10.71.0.10/24 fd71::10/64
	add_backends "$1" 71 lan
	wires_ready
}

# topo_two_armed N: the balancer stands between: eth0 in the clients' network (10.72.0.0/24,
# fd72::/64; client .2, balancer .10), eth1 in the backends' (10.73.0.0/24, fd73::/64; balancer
# .10, backends .11 ...). Both sides have the balancer as their gateway.
topo_two_armed() {
	local i
	switch_add clients servers
	host_add client
	wire client eth0 clients 10.72.0.2/24 fd72::2/64
	host_add balancer
	wire balancer eth0 clients 10.72.0.10/24 fd72::10/64
	wire balancer eth1 servers 10.73.0.10/24 fd73::10/64
	add_backends "$1" 73 servers
	route client default 10.72.0.10
	route client default fd72::10
	for ((i = 1; i <= $1; i++)); do
		route "backend$i" default 10.73.0.10
		route "backend$i" default fd73::10
	done
	wires_ready
}

# ---- servers and requests -----------------------------------------------------

# start HOST COMMAND...: runs COMMAND there in the background, its words going to a file under
# NET_DIR; its process is left in STARTED. `stop` ends it, and so does net_end.
start() {
	# Not by in_ns: STARTED would be a shell, and killing that would stop nothing.
	nsenter --net="/run/netns/$NET_PREFIX$1" -- timeout --foreground -k 2 "$NET_SERVER_TIMEOUT" \
		"${@:2}" </dev/null >>"$NET_DIR/$1.log" 2>&1 &
	STARTED=$!
	NET_STARTED+=("$STARTED")
}

# stop PROCESS: ends what start left in STARTED, and waits for it.
stop() {
	kill "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

# listens HOST tcp|udp PORT: waits until something listens there.
listens() {
	local try
	for try in {1..200}; do
		[ -z "$(in_ns "$1" ss -Hln "--$2" "sport = :$3")" ] || return 0
		sleep 0.05
	done
	cat "$NET_DIR/$1.log" >&2
	net_die "nothing listens on $2 port $3 of $1 (${try} tries)"
}

# http_start HOST NAME PORT...: an HTTP server that answers with NAME; see httpd.py for
# /client, /big/N, /slow/N and uploads. Returns when it listens.
http_start() {
	start "$1" "$NET_PYTHON" "$NET_LIB/httpd.py" "${@:2}"
	local port
	for port in "${@:3}"; do listens "$1" tcp "$port"; done
}

# udp_start HOST NAME PORT...: a UDP server that answers with NAME, a space and what it got.
udp_start() {
	start "$1" "$NET_PYTHON" "$NET_LIB/udp.py" serve "${@:2}"
	local port
	for port in "${@:3}"; do listens "$1" udp "$port"; done
}

# http_get HOST [CURL-OPTION]... URL: one request from HOST, 5 s at most, any proxy set here ignored.
http_get() {
	in_ns "$1" curl -sS --noproxy '*' --max-time 5 "${@:2}"
}

# udp_ask HOST [-p FROM_PORT] [-n COUNT] [-t SECONDS] ADDRESS PORT TEXT: prints the answers; TEXT
# of @N is N bytes, and only the name is printed.
udp_ask() {
	in_ns "$1" "$NET_PYTHON" "$NET_LIB/udp.py" ask "${@:2}"
}
