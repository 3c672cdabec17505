# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# Datagrams in fragments, and headers between IP and TCP or UDP.

# datagrams WORD...: see datagrams.py.
datagrams() {
	in_ns client "$NET_PYTHON" "$HERE/datagrams.py" "$@"
}

# fragments FAMILY METHOD: long datagrams, both ways, over two backends.
fragments() {
	between "$1" 2
	method "$2" ${SERVERS}11 ${SERVERS}12
	equal "4000 bytes" "backend1 backend1 backend1" "$(udp_ask client -n 3 $ADDRESS 5300 @4000 | xargs)"
	equal "the next flow" "backend2" "$(udp_ask client $ADDRESS 5300 @4000)"
	equal "60000 bytes" "backend1" "$(udp_ask client $ADDRESS 5300 @60000)"
	equal "the later ones before the last" "backend2" "$(datagrams fragments $ADDRESS 5300 4000 0 2 1)"
	equal "one twice" "backend1" "$(datagrams fragments $ADDRESS 5300 4000 0 1 1 2)"
	equal drops 0 "$(stat_of .drops.fragment)"
	! datagrams fragments $ADDRESS 5300 4000 2 1 0 2>/dev/null || fail "one whose first came last was answered"
	equal "drops of those before the first" 2 "$(stat_of .drops.fragment)"
}

test_fragments_nat() {
	fragments 4 nat
}

test_fragments_nat_ipv6() {
	fragments 6 nat
}

test_fragments_dnat() {
	fragments 4 dnat
}

test_fragments_dnat_ipv6() {
	fragments 6 dnat
}

test_fragments_dsr() {
	fragments 4 dsr
}

test_fragments_dsr_ipv6() {
	fragments 6 dsr
}

# Those that are for no service reach the machine, whole.
test_fragments_not_for_a_service() {
	between 4 1
	method nat $ARMED.11
	config set-backends 10.72.0.10:8000 $ARMED.11
	config set-backends "[fd72::10]:8000" fd73::11
	udp_start balancer balancer 5400
	equal "to an address with a service" balancer "$(udp_ask client 10.72.0.10 5400 @4000)"
	equal "IPv6" balancer "$(udp_ask client fd72::10 5400 @4000)"
	equal "later ones swapped" balancer "$(datagrams fragments fd72::10 5400 4000 0 2 1)"
	equal drops 0 "$(stat_of .drops.fragment)"
}

# headers FAMILY METHOD WORD...: the datagram arrives with each, and TCP works with it.
headers() {
	local word
	between "$1" 1
	method "$2" ${SERVERS}11
	for word in "${@:3}"; do
		equal "UDP with $word" backend1 "$(datagrams $word $ADDRESS 5300)"
		equal "TCP with $word" backend1 "$(datagrams $word-tcp $ADDRESS 8000)"
	done
	equal flows "$((2 * ($# - 2)))" "$(stat_of '[.services[].new_flows] | add')"
}

test_options_nat() {
	headers 4 nat options
}

test_options_dnat() {
	headers 4 dnat options
}

test_options_dsr() {
	headers 4 dsr options
}

test_extension_headers_nat() {
	headers 6 nat hop-by-hop destination
}

test_extension_headers_dnat() {
	headers 6 dnat hop-by-hop destination
}

test_extension_headers_dsr() {
	headers 6 dsr hop-by-hop destination
}
