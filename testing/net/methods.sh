# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# nat, dnat and dsr, with IPv4 and IPv6.

# requests FAMILY METHOD: alternate over two backends; prints the client as they see it.
requests() {
	between "$1" 2
	method "$2" ${SERVERS}11 ${SERVERS}12
	equal answers "backend1 backend2 backend1 backend2" "$(answers 4 http://$HOST:8000/)"
	equal "UDP answers" "backend1 hello backend2 hello" \
		"$(udp_ask client $ADDRESS 5300 hello) $(udp_ask client $ADDRESS 5300 hello)"
	equal "one flow" "backend1 backend1 backend1" "$(udp_ask client -n 3 $ADDRESS 5300 @1023 | xargs)"
	equal "the client as seen" "$3" "$(http_get client http://$HOST:8000/client | cut -d ' ' -f 1)"
	healthy
}

test_nat_ipv6() {
	requests 6 nat fd73::10
}

test_dnat() {
	requests 4 dnat 10.72.0.2
}

test_dnat_ipv6() {
	requests 6 dnat fd72::2
}

test_dsr() {
	requests 4 dsr 10.72.0.2
}

test_dsr_ipv6() {
	requests 6 dsr fd72::2
}

# transfer FAMILY METHOD: 100 MB each way.
transfer() {
	between "$1" 1
	method "$2" ${SERVERS}11
	transfers 104857600
}

test_nat_ipv6_transfers() {
	transfer 6 nat
}

test_dnat_transfers() {
	transfer 4 dnat
}

test_dnat_ipv6_transfers() {
	transfer 6 dnat
}

test_dsr_transfers() {
	transfer 4 dsr
}

test_dsr_ipv6_transfers() {
	transfer 6 dsr
}

# other_port FAMILY METHOD: to a backend that listens elsewhere.
other_port() {
	between "$1" 1
	config set-backends --forward "$2" "$HOST:80" "${3}"
	config set-backends --forward "$2" "$HOST:53/udp" "${4}"
	equal answers "backend1 backend1" "$(answers 2 http://$HOST/)"
	equal "UDP answer" "backend1 hello" "$(udp_ask client $ADDRESS 53 hello)"
	equal "UDP answer of odd length" "backend1" "$(udp_ask client $ADDRESS 53 @1021)"
}

test_nat_ipv6_other_port() {
	other_port 6 nat "[fd73::11]:8000" "[fd73::11]:5300"
}

test_dnat_other_port() {
	other_port 4 dnat $ARMED.11:8000 $ARMED.11:5300
}

test_dnat_ipv6_other_port() {
	other_port 6 dnat "[fd73::11]:8000" "[fd73::11]:5300"
}

# one_armed FAMILY METHOD: all in one network, where the client has a route to the service.
one_armed() {
	family "$1"
	topo_flat 2
	http_servers 2
	config load eth0
	route client $ADDRESS ${LAN}10
	method "$2" ${LAN}11 ${LAN}12
}

# The backends have the balancer as their way to the client only.
one_armed_dnat() {
	local i
	one_armed "$1" dnat
	for i in 1 2; do route backend$i ${LAN}2 ${LAN}10; done
	equal answers "backend1 backend2 backend1" "$(answers 3 http://$HOST:8000/)"
	equal "UDP answer" "backend1 hello" "$(udp_ask client $ADDRESS 5300 hello)"
	healthy
}

test_dnat_one_armed() {
	one_armed_dnat 4
}

test_dnat_ipv6_one_armed() {
	one_armed_dnat 6
}

# Replies go straight to the client: the balancer sees none, and nobody waits for them.
one_armed_dsr() {
	one_armed "$1" dsr
	equal answers "backend1 backend2 backend1 backend2" "$(answers 4 http://$HOST:8000/)"
	equal "UDP answer" "backend1 hello" "$(udp_ask client $ADDRESS 5300 hello)"
	transfers 20000000
	healthy
}

test_dsr_one_armed() {
	one_armed_dsr 4
}

test_dsr_ipv6_one_armed() {
	one_armed_dsr 6
}

# Nobody but xdplb knows a backend's MAC, and a frame's bytes behind the MACs are the client's own.
test_dsr_changes_nothing() {
	local sent got
	needs tcpdump
	one_armed 4 dsr
	capture client eth0 udp dst port 5300
	capture backend1 eth0 udp dst port 5300
	udp_ask client -p 4444 $ADDRESS 5300 hello
	sent=$(captured client | cut -d ' ' -f 2-)
	got=$(captured backend1 | cut -d ' ' -f 2-)
	[ -n "$sent" ] || fail "no datagram was seen"
	equal datagram "$sent" "$got"
}

# The backend's replies leave by its own way, as if from another server; the next datagrams still go there.
test_dnat_replies_elsewhere() {
	one_armed 4 dnat
	equal "who answers" "$FLAT.11 $FLAT.11 $FLAT.11 $FLAT.11 $FLAT.11" \
		"$(in_ns client "$NET_PYTHON" "$HERE/datagrams.py" any $ADDRESS 5300 5 | xargs)"
	equal flows 1 "$(stat_of '.services[] | select(.service | endswith("udp")).new_flows')"
	equal packets 5 "$(stat_of '.services[] | select(.service | endswith("udp")).packets')"
}

# A service of one method takes another while a transfer goes on: that one stays as it began.
changes_method() {
	between 4 2
	method dsr $ARMED.11 $ARMED.12
	method "$1" $ARMED.11 $ARMED.12
	slow_download held $ADDRESS
	method "$2" $ARMED.11 $ARMED.12
	equal "the client as seen" "$3" "$(http_get client http://$HOST:8000/client | cut -d ' ' -f 1)"
	finish held
	equal backend backend1 "$(cat "$NET_DIR/held.out")"
}

test_nat_becomes_dnat() {
	changes_method nat dnat 10.72.0.2
}

test_nat_becomes_dsr() {
	changes_method nat dsr 10.72.0.2
}

test_dnat_becomes_nat() {
	changes_method dnat nat $ARMED.10
}

test_dsr_becomes_nat() {
	changes_method dsr nat $ARMED.10
}

test_dsr_becomes_dnat() {
	changes_method dsr dnat 10.72.0.2
}

# In at one interface, out at another that has no program.
test_out_without_program() {
	family 4
	topo_two_armed 2
	http_servers 2
	config load eth0
	method dsr $ARMED.11 $ARMED.12
	equal answers "backend1 backend2" "$(answers 2 http://$HOST:8000/)"
	[ "$(stat_of .verdicts.redirect)" -gt 0 ] || fail "nothing was redirected"
	healthy
	config status | grep -q '^.*eth1.*redirect' || fail "status does not speak of eth1: $(config status)"
}

# Clients on both of the balancer's interfaces, one set of maps.
test_clients_on_both_sides() {
	between 4 2
	method nat $ARMED.11 $ARMED.12
	host_add client2
	wire client2 eth0 servers $ARMED.2/24
	wires_ready
	route client2 $ADDRESS $ARMED.10
	equal "first client" backend1 "$(http_get client http://$HOST:8000/)"
	equal "second client" backend2 "$(http_get client2 http://$HOST:8000/)"
	equal flows 2 "$(stat_of '.services[] | select(.service | endswith("tcp")).new_flows')"
}
