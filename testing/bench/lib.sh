# shellcheck shell=bash
# The network of the bench and of the table's tests: one balancer, whose neighbours are known
# to the kernel and exist nowhere. Its packets are made by BPF_PROG_TEST_RUN, by frame.c.

SERVICE4=198.51.100.7
SERVICE6='[2001:db8::7]'
XDPLB=xdp/xdplb.o

# config ARGUMENT...: xdplb-config on the balancer.
config() {
	in_ns balancer xdplb-config "$@"
}

# backend_addresses 4|6 N: those of N backends, see frame.c.
backend_addresses() {
	local n
	for ((n = 0; n < $2; n++)); do
		case $1 in
		4) echo "10.71.$((16 + n / 256)).$((n % 256))" ;;
		6) printf 'fd71::1:%x\n' "$n" ;;
		esac
	done
}

# neighbour ADDRESS MAC: as a line for ip -batch.
neighbour() {
	echo "neigh replace $1 lladdr $2 dev eth0 nud permanent"
}

# bench_network N: the balancer, N backends of each family, and a neighbour behind which clients
# are. The last 16 bits of a backend's address are those of its MAC.
bench_network() {
	local n
	switch_add lan
	host_add balancer
	wire balancer eth0 lan 10.71.0.10/16 fd71::10/64
	wires_ready
	{
		neighbour 10.71.0.2 02:00:00:00:ff:ff
		neighbour fd71::2 02:00:00:00:ff:ff
		for ((n = 0; n < $1; n++)); do
			neighbour "10.71.$((16 + n / 256)).$((n % 256))" "$(printf '02:00:00:00:%02x:%02x' $((16 + n / 256)) $((n % 256)))"
			neighbour "$(printf 'fd71::1:%x' "$n")" "$(printf '02:00:00:00:%02x:%02x' $((n / 256)) $((n % 256)))"
		done
	} >"$NET_DIR/neighbours"
	in_ns balancer ip -batch "$NET_DIR/neighbours"
	route balancer default 10.71.0.2
	route balancer default fd71::2
}

# bench_balancer NAME [LOAD-OPTION...]: one more balancer, with its pins in a directory of its name,
# on an interface that nothing comes in by.
bench_balancer() {
	in_ns balancer ip link add "$1" type veth peer name "$1-end"
	in_ns balancer ip link set "$1" up
	in_ns balancer ip link set "$1-end" up
	config load -p "/sys/fs/bpf/$1" "${@:2}" "$1"
}

# bench_service NAME PORT FAMILY BACKENDS OPTION...: a service of the balancer NAME.
bench_service() {
	local service=$SERVICE4
	[ "$3" = 4 ] || service=$SERVICE6
	# shellcheck disable=SC2046 # addresses hold no blanks
	config set-backends -p "/sys/fs/bpf/$1" "$service:$2" "${@:5}" $(backend_addresses "$3" "$4")
}

# program_id NAME [PROGRAM]: of the balancer's program.
program_id() {
	config -j status -p "/sys/fs/bpf/$1" | grep -o "\"program\": \"${2:-xdplb}\", [^}]*" |
		grep -o '"program_id": [0-9]*' | grep -o '[0-9]*$'
}

# replies_id NAME: of the program on the way out.
replies_id() {
	in_ns balancer tc filter show dev "$1" egress | sed -n 's/.*xdplb_replies.* id \([0-9]*\).*/\1/p'
}
