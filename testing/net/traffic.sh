# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# Requests reach the backends, and answers the client, in every network.

ALTERNATE="backend1 backend2 backend1 backend2 backend1 backend2"

test_tutorial() {
	topo_tutorial
	http_start backend1 backend1 8000
	http_start backend2 backend2 8000
	attach eth0
	config set-backends 192.168.178.10:8000/tcp 192.168.178.11 192.168.178.12
	equal answers "$ALTERNATE" "$(answers 6 http://192.168.178.10:8000/)"
	equal client "192.168.178.10" "$(http_get client http://192.168.178.10:8000/client | cut -d ' ' -f 1)"
	healthy
}

test_flat() {
	flat 2
	config set-backends $FLAT.10:8000 $FLAT.11 $FLAT.12
	equal answers "$ALTERNATE" "$(answers 6 http://$FLAT.10:8000/)"
}

# armed_check: two-armed, with the program on both interfaces; the backend sees the
# address on its own side.
armed_check() {
	http_start backend1 backend1 8000
	http_start backend2 backend2 8000
	config set-backends 10.72.0.10:8000 $ARMED.11 $ARMED.12
	equal answers "$ALTERNATE" "$(answers 6 http://10.72.0.10:8000/)"
	equal source $ARMED.10 "$(http_get client http://10.72.0.10:8000/client | cut -d ' ' -f 1)"
	[ "$(stat_of .verdicts.redirect)" -gt 0 ] || fail "nothing was redirected"
	healthy
}

test_two_armed_config() {
	topo_two_armed 2
	config load eth0 eth1
	armed_check
}

test_two_armed_loader() {
	topo_two_armed 2
	attach eth0 -p $PINS
	attach eth1 -p $PINS
	armed_check
}

test_two_armed_forwarding() {
	topo_two_armed 2
	ns_sysctl balancer ipv4/ip_forward 1
	config load eth0 eth1
	armed_check
	equal "past the balancer" backend1 "$(http_get client http://$ARMED.11:8000/)"
}

# forwarding ON: the machine forwards, or does not, before it is configured.
forwarding() {
	flat 2
	ns_sysctl balancer ipv4/ip_forward "$1"
	config set-backends $FLAT.10:8000 $FLAT.11 $FLAT.12
	equal answers "$ALTERNATE" "$(answers 6 http://$FLAT.10:8000/)"
}

test_forwarding_off() {
	forwarding 0
}

test_forwarding_on() {
	forwarding 1
}

# Somebody turns it on and off again while the balancer works.
test_forwarding_changes() {
	local on
	forwarding 0
	for on in 1 0 1; do
		ns_sysctl balancer ipv4/ip_forward $on
		sleep 1.1
		equal "ip_forward $on" "backend1 backend2" "$(answers 2 http://$FLAT.10:8000/)"
	done
}

# What the kernel has told one CPU before, another that asks too late knows too.
test_forwarding_off_other_cpu() {
	(($(nproc) > 1)) || skip "one CPU"
	flat 1
	config set-backends $FLAT.10:8000 $FLAT.11
	in_ns client taskset -c 0 curl -sS --noproxy '*' -m 5 -o "$NET_DIR/first" http://$FLAT.10:8000/
	ns_sysctl balancer ipv4/ip_forward 1
	ns_sysctl balancer ipv4/ip_forward 0
	sleep 1.1
	in_ns client taskset -c 1 curl -sS --noproxy '*' -m 5 -o "$NET_DIR/second" http://$FLAT.10:8000/
	equal answers "backend1 backend1" "$(cat "$NET_DIR/first") $(cat "$NET_DIR/second")"
}

# The address is on no interface; the client has a route.
test_routed_address() {
	flat 2
	route client 198.51.100.7 $FLAT.10
	config set-backends 198.51.100.7:80 $FLAT.11:8000 $FLAT.12:8000
	equal answers "$ALTERNATE" "$(answers 6 http://198.51.100.7/)"
	equal "udp source" $FLAT.10 "$(http_get client http://198.51.100.7/client | cut -d ' ' -f 1)"
	healthy
}

test_routed_address_two_armed() {
	topo_two_armed 2
	http_start backend1 backend1 8000
	http_start backend2 backend2 8000
	config load eth0 eth1
	config set-backends 198.51.100.7:8000 $ARMED.11 $ARMED.12
	equal answers "$ALTERNATE" "$(answers 6 http://198.51.100.7:8000/)"
}

test_other_port() {
	flat 2
	http_start backend2 another 8123
	config set-backends $FLAT.10:80 $FLAT.11:8000 $FLAT.12:8123
	equal answers "backend1 another backend1 another" "$(answers 4 http://$FLAT.10/)"
}

test_weights_1_2() {
	flat 2
	config set-backends $FLAT.10:8000 $FLAT.11,weight=1 $FLAT.12,weight=2
	equal sequence "backend2 backend1 backend2 backend2 backend1 backend2" \
		"$(answers 6 http://$FLAT.10:8000/)"
}

test_weights_5_1_1() {
	local once="backend1 backend1 backend2 backend1 backend3 backend1 backend1"
	flat 3
	config set-backends $FLAT.10:8000 $FLAT.11,weight=5 $FLAT.12,weight=1 $FLAT.13
	equal sequence "$once $once" "$(answers 14 http://$FLAT.10:8000/)"
	equal counts "10 2 2" "$(config -j stats | jq -r '[.services[0].backends[].new_flows] | join(" ")')"
}

# rr gives every backend the same, whatever it weighs.
test_scheduler_rr() {
	flat 2
	config set-backends --scheduler rr $FLAT.10:8000 $FLAT.11,weight=9 $FLAT.12
	equal answers "$ALTERNATE" "$(answers 6 http://$FLAT.10:8000/)"
}

test_download() {
	flat 1
	config set-backends $FLAT.10:8000 $FLAT.11
	equal "100 MB" backend1 "$(download client http://$FLAT.10:8000/big/104857600)"
}

test_upload() {
	flat 1
	config set-backends $FLAT.10:8000 $FLAT.11
	head -c 104857600 /dev/urandom >"$NET_DIR/file"
	equal hash "$(hash_of "$NET_DIR/file")" "$(upload client http://$FLAT.10:8000/ "$NET_DIR/file")"
}

test_transfers_two_armed() {
	topo_two_armed 1
	http_start backend1 backend1 8000
	config load eth0 eth1
	config set-backends 10.72.0.10:8000 $ARMED.11
	equal "20 MB" backend1 "$(download client http://10.72.0.10:8000/big/20000000)"
	head -c 20000000 /dev/urandom >"$NET_DIR/file"
	equal hash "$(hash_of "$NET_DIR/file")" "$(upload client http://10.72.0.10:8000/ "$NET_DIR/file")"
}

test_udp() {
	topo_flat 2
	attach eth0
	udp_start backend1 backend1 5300
	udp_start backend2 backend2 5300
	config set-backends $FLAT.10:53/udp $FLAT.11:5300 $FLAT.12:5300
	equal answer "backend1 hello" "$(udp_ask client $FLAT.10 53 hello)"
	equal answer "backend2 hello" "$(udp_ask client $FLAT.10 53 hello)"
	equal "one flow" "backend1 backend1 backend1" "$(udp_ask client -n 3 $FLAT.10 53 @1400 | xargs)"
	equal "odd length" "backend2" "$(udp_ask client $FLAT.10 53 @1023)"
	equal "one byte" "backend1" "$(udp_ask client $FLAT.10 53 @1)"
}

# A datagram without checksum must arrive without, both ways.
test_udp_no_checksum() {
	local lines
	needs tcpdump
	topo_flat 1
	attach eth0
	echo_start backend1 backend1 --no-check 7000
	capture backend1 eth0 udp
	capture client eth0 udp
	config set-backends $FLAT.10:7000/udp $FLAT.11
	flows client -u -n $FLAT.10 7000 5
	lines=$(captured backend1 udp dst port 7000)
	equal requests 10 "$(grep -c 'no cksum' <<<"$lines")"
	lines=$(captured client udp src port 7000)
	equal replies 10 "$(grep -c 'no cksum' <<<"$lines")"
}

# The first request after a flush of every neighbour table; nobody pings.
test_neighbours() {
	local host
	flat 2
	for host in client balancer backend1 backend2; do in_ns "$host" ip neigh flush all; done
	config set-backends $FLAT.10:8000 $FLAT.11 $FLAT.12
	equal answers "backend1 backend2" "$(answers 2 http://$FLAT.10:8000/)"
	equal "no_neighbour drops" 0 "$(stat_of .drops.no_neighbour)"
}

# A backend that is not there yet when it is configured.
test_neighbour_comes_late() {
	flat 2
	in_ns backend2 ip link set eth0 down
	config set-backends $FLAT.10:8000 $FLAT.11 $FLAT.12
	in_ns backend2 ip link set eth0 up
	wires_ready
	equal answers "backend1 backend2" "$(answers 2 http://$FLAT.10:8000/)"
}

# Two services on one backend and port do not get into each other's way.
test_two_services() {
	flat 2
	config set-backends $FLAT.10:8000 $FLAT.11
	config set-backends $FLAT.10:8001 $FLAT.11:8000 $FLAT.12:8000
	equal first "backend1 backend1" "$(answers 2 http://$FLAT.10:8000/)"
	equal second "backend1 backend2" "$(answers 2 http://$FLAT.10:8001/)"
}
