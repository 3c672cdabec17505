# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# ICMP errors about forwarded packets reach who can do something about them.

# A router with a link of 1400 bytes behind it: HOST is beyond, at 10.80.0.2.
beyond_router() {
	switch_add far
	host_add router
	wire router eth0 lan $FLAT.100/24
	wire router eth1 far 10.80.0.1/24
	in_ns router ip link set eth1 mtu 1400
	ns_sysctl router ipv4/ip_forward 1
	host_add "$1"
	wire "$1" eth0 far 10.80.0.2/24
	route "$1" default 10.80.0.1
	route balancer 10.80.0.0/24 $FLAT.100
	wires_ready
}

test_port_unreachable() {
	local said status=0
	topo_flat 1
	attach eth0
	config set-backends $FLAT.10:5300/udp $FLAT.11
	said=$(udp_ask client $FLAT.10 5300 hello 2>&1) || status=$?
	equal status 1 $status
	[[ $said == *refused* ]] || fail "no ECONNREFUSED: $said"
}

test_port_unreachable_two_armed() {
	local said status=0
	topo_two_armed 1
	config load eth0 eth1
	config set-backends 10.72.0.10:5300/udp $ARMED.11:5301
	said=$(udp_ask client 10.72.0.10 5300 hello 2>&1) || status=$?
	equal status 1 $status
	[[ $said == *refused* ]] || fail "no ECONNREFUSED: $said"
}

# The quoted packet is the client's own again, checksums included.
test_error_translated() {
	local line
	needs tcpdump
	topo_flat 1
	attach eth0
	config set-backends $FLAT.10:5300/udp $FLAT.11:5301
	capture client eth0 icmp
	udp_ask client -p 4444 $FLAT.10 5300 hello 2>/dev/null || true
	line=$(captured client)
	[[ $line == *"$FLAT.10 > $FLAT.2: ICMP $FLAT.10 udp port 5300 unreachable"* ]] ||
		fail "not from and about the service: $line"
	[[ $line == *"$FLAT.2.4444 > $FLAT.10.5300"* ]] || fail "quotes something else: $line"
	[[ $line != *"wrong icmp"* && $line != *"bad"* ]] || fail "a wrong checksum: $line"
}

# The narrow link is between balancer and backend: the client must hear of it.
test_mtu_towards_backend() {
	topo_flat 0
	beyond_router backend1
	http_start backend1 backend1 8000
	attach eth0
	config set-backends $FLAT.10:8000 10.80.0.2
	head -c 5000000 /dev/urandom >"$NET_DIR/file"
	equal hash "$(hash_of "$NET_DIR/file")" "$(upload client http://$FLAT.10:8000/ "$NET_DIR/file")"
	in_ns client ip route get $FLAT.10 | grep -q "mtu 1400" ||
		fail "the client has not heard"
}

# The narrow link is between client and balancer: the backend must hear of it.
test_mtu_towards_client() {
	topo_flat 1
	in_ns client ip link del eth0
	ip netns del "${NET_PREFIX}client"
	beyond_router client
	http_start backend1 backend1 8000
	attach eth0
	config set-backends $FLAT.10:8000 $FLAT.11
	equal "5 MB" backend1 "$(download client http://$FLAT.10:8000/big/5000000)"
	in_ns backend1 ip route get $FLAT.10 | grep -q 'mtu 1400' || fail "the backend has not heard"
}

# ping HOST ADDRESS [SIZE]: there may be no ping(8).
ping() {
	in_ns "$1" "$NET_PYTHON" "$HERE/ping.py" "${@:2}"
}

# Errors that are the machine's own go on to its kernel.
test_own_errors() {
	local said status=0
	topo_flat 1
	attach eth0
	config set-backends $FLAT.10:5300/udp $FLAT.11
	said=$(udp_ask balancer $FLAT.11 5399 hello 2>&1) || status=$?
	[[ $said == *refused* ]] || fail "no ECONNREFUSED: $said"
	ping client $FLAT.10 || fail "the balancer answers no ping"
	ping balancer $FLAT.11 || fail "the balancer can ping no more"
}

# A service's address answers, though it is nobody's, unless that is switched off.
test_echo() {
	local family
	topo_two_armed 1
	config load eth0 eth1
	for family in 4 6; do
		family $family
		method nat ${SERVERS}11
		ping client $ADDRESS || fail "no answer from $ADDRESS"
		ping client $ADDRESS 1400 || fail "no answer from $ADDRESS to 1400 bytes"
		ping client ${CLIENTS}10 || fail "the balancer itself answers no ping"
		config set echo=off
		! ping client $ADDRESS 2>/dev/null || fail "$ADDRESS answers still"
		ping client ${CLIENTS}10 || fail "the balancer itself answers no ping now"
		config set echo=on
	done
	equal answers 4 "$(stat_of .answers.echo)"
	config flush
	! ping client $ADDRESS 2>/dev/null || fail "an address without a service answers"
}

# The service's address is the machine's own: its kernel would answer, and does where xdplb does not.
test_echo_own_address() {
	topo_flat 1
	attach eth0
	config set-backends $FLAT.10:8000 $FLAT.11
	ping client $FLAT.10 || fail "no answer"
	equal answers 1 "$(stat_of .answers.echo)"
	ping client $FLAT.10 4000 || fail "no answer to fragments"
	config set echo=off
	ping client $FLAT.10 || fail "the kernel does not answer"
	equal answers 1 "$(stat_of .answers.echo)"
}

# unreachable FAMILY METHOD: nothing listens there, and the client is told.
unreachable() {
	local said status=0
	between "$1" 1
	config set-backends --forward "$2" "$HOST:5399/udp" ${SERVERS}11
	said=$(udp_ask client $ADDRESS 5399 hello 2>&1) || status=$?
	equal status 1 $status
	[[ $said == *refused* ]] || fail "no ECONNREFUSED: $said"
}

test_unreachable_nat_ipv6() {
	unreachable 6 nat
}

test_unreachable_dnat() {
	unreachable 4 dnat
}

test_unreachable_dnat_ipv6() {
	unreachable 6 dnat
}
