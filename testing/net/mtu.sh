# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# Paths that take less than 1500 bytes, and wires that take more.

# narrow_to_client FAMILY METHOD: the backend must hear of it.
narrow_to_client() {
	between "$1" 1
	in_ns client ip link del eth0
	ip netns del "${NET_PREFIX}client"
	far_router clients 10.72.0.100/24 fd72::100/64
	route router default 10.72.0.10
	route router default fd72::10
	route balancer 10.80.0.0/24 10.72.0.100
	route balancer fd80::/64 fd72::100
	far_host client
	method "$2" ${SERVERS}11
	equal "5 MB" backend1 "$(download client "http://$HOST:8000/big/5000000")"
	case $2 in
	nat) knows backend1 1400 ${SERVERS}10 ;;
	dnat) knows backend1 1400 ${FAR}2 ;;
	dsr) knows backend1 1400 ${FAR}2 from $ADDRESS ;;
	esac
}

# narrow_to_backend FAMILY METHOD: a router before the backend; the client must hear of it.
narrow_to_backend() {
	between "$1" 0
	far_router servers $ARMED.100/24 fd73::100/64
	route router default $ARMED.10
	route router default fd73::10
	route balancer 10.80.0.0/24 $ARMED.100
	route balancer fd80::/64 fd73::100
	far_host backend1
	http_start backend1 backend1 8000
	config set-backends --forward "$2" "$HOST:8000" ${FAR}2
	upload_arrives
	knows client 1400 $ADDRESS
}

# narrow_way FAMILY METHOD: the balancer itself knows of it, and says so. "lock": without, no forwarder,
# the kernel neither, believes a route's MTU.
narrow_way() {
	between "$1" 1
	in_ns balancer ip route add ${SERVERS}11 dev eth1 mtu lock 1400
	method "$2" ${SERVERS}11
	upload_arrives
	knows client 1400 $ADDRESS
	[ "$(stat_of .answers.too_big)" -gt 0 ] || fail "no answer is counted"
}

upload_arrives() {
	head -c 5000000 /dev/urandom >"$NET_DIR/file"
	equal hash "$(hash_of "$NET_DIR/file")" "$(upload client "http://$HOST:8000/" "$NET_DIR/file")"
}

test_narrow_to_client_nat() {
	narrow_to_client 4 nat
}

test_narrow_to_client_nat_ipv6() {
	narrow_to_client 6 nat
}

test_narrow_to_client_dnat() {
	narrow_to_client 4 dnat
}

test_narrow_to_client_dnat_ipv6() {
	narrow_to_client 6 dnat
}

test_narrow_to_client_dsr() {
	narrow_to_client 4 dsr
}

test_narrow_to_client_dsr_ipv6() {
	narrow_to_client 6 dsr
}

test_narrow_to_backend_nat() {
	narrow_to_backend 4 nat
}

test_narrow_to_backend_nat_ipv6() {
	narrow_to_backend 6 nat
}

test_narrow_to_backend_dnat() {
	narrow_to_backend 4 dnat
}

test_narrow_to_backend_dnat_ipv6() {
	narrow_to_backend 6 dnat
}

test_narrow_way_nat() {
	narrow_way 4 nat
}

test_narrow_way_nat_ipv6() {
	narrow_way 6 nat
}

test_narrow_way_dnat() {
	narrow_way 4 dnat
}

test_narrow_way_dnat_ipv6() {
	narrow_way 6 dnat
}

test_narrow_way_dsr() {
	narrow_way 4 dsr
}

test_narrow_way_dsr_ipv6() {
	narrow_way 6 dsr
}

# The way of replies narrows on the balancer itself: with nat it is the balancer that tells the backend.
test_narrow_way_of_replies() {
	between 4 1
	in_ns balancer ip route add $CLIENT dev eth0 mtu lock 1400
	method nat $ARMED.11
	equal "5 MB" backend1 "$(download client "http://$HOST:8000/big/5000000")"
	knows backend1 1400 $ARMED.10
}

# Said no oftener than is allowed; what is not said is counted.
test_icmp_rate() {
	between 4 1
	in_ns balancer ip route add $ARMED.11 dev eth1 mtu lock 1400
	method nat $ARMED.11
	config set icmp-rate=0
	! udp_ask client -t 0.5 $ADDRESS 5300 @1450 2>/dev/null || fail "too long a datagram arrived"
	equal answers 0 "$(stat_of .answers.too_big)"
	[ "$(stat_of .drops.too_big)" -gt 0 ] || fail "no drop is counted"
	config set icmp-rate=1000
	# From the next second on; then the client knows and sends fragments.
	sleep 1.1
	! udp_ask client -t 0.5 $ADDRESS 5300 @1450 2>/dev/null || fail "too long a datagram arrived"
	equal "answers now" 1 "$(stat_of .answers.too_big)"
	equal "a datagram" backend1 "$(udp_ask client $ADDRESS 5300 @1450)"
}

# jumbo: every wire takes 9000 bytes; before a program is there.
jumbo() {
	local host
	for host in client-eth0 balancer-eth0 balancer-eth1 backend1-eth0; do
		in_ns switch ip link set "$host" mtu 9000
		in_ns "${host%-*}" ip link set "${host#*-}" mtu 9000
	done
}

# jumbo_frames FAMILY METHOD
jumbo_frames() {
	family "$1"
	topo_two_armed 1
	jumbo
	http_servers 1
	config load eth0 eth1
	method "$2" ${SERVERS}11
	transfers 20000000
	# As one packet: what was cut would be counted.
	equal "8000 bytes" backend1 "$(udp_ask client $ADDRESS 5300 @8000)"
	healthy
	equal "fragments made by the client" 0 "$(in_ns client nstat -asz | awk '/FragCreates/ { n += $2 } END { print n }')"
}

test_jumbo_nat() {
	jumbo_frames 4 nat
}

test_jumbo_nat_ipv6() {
	jumbo_frames 6 nat
}

test_jumbo_dnat() {
	jumbo_frames 4 dnat
}

test_jumbo_dsr() {
	jumbo_frames 4 dsr
}

test_jumbo_dsr_ipv6() {
	jumbo_frames 6 dsr
}
