# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# The kernel has forgotten the way to a backend, as it does when an interface was down, and nobody is there who would
# put that right: the next packets do.

# forgotten FAMILY METHOD
forgotten() {
	between "$1" 1
	method "$2" ${SERVERS}11
	equal before backend1 "$(answers 1 http://$HOST:8000/)"
	in_ns balancer ip neigh del ${SERVERS}11 dev eth1
	sleep 1.1 # the program asks the kernel once a second
	equal after "backend1 backend1" "$(answers 2 http://$HOST:8000/)"
	[ "$(stat_of .drops.no_neighbour)" -gt 0 ] || fail "no packet met it"
	equal "passed on" 0 "$(stat_of '[.passed[]] | add')"
	healthy
}

test_forgotten_nat() {
	forgotten 4 nat
}

test_forgotten_nat_ipv6() {
	forgotten 6 nat
}

test_forgotten_dnat() {
	forgotten 4 dnat
}

test_forgotten_dsr() {
	forgotten 4 dsr
}

test_forgotten_dsr_ipv6() {
	forgotten 6 dsr
}

# wrapped OUTER-FAMILY INNER-FAMILY METHOD: nobody opens what arrives there.
wrapped() {
	local backend=fd73::11
	[ "$1" = 6 ] || backend=$ARMED.11
	between "$2" 1
	config load --encap eth0 eth1
	config set-backends --forward "$3" "$HOST:5300/udp" $backend
	in_ns balancer ip neigh del $backend dev eth1
	udp_ask client -t 0.2 $ADDRESS 5300 before || true
	eventually is_known $backend
	udp_ask client -t 0.2 $ADDRESS 5300 after || true
	equal "sent" 1 "$(stat_of '.services[0].backends[0].packets')"
}

# is_known BACKEND
is_known() {
	[ "$(in_ns balancer ip -j neigh show "$1" dev eth1 | jq '.[] | has("lladdr")')" = true ]
}

test_forgotten_ipip() {
	wrapped 4 4 ipip
}

test_forgotten_ipip_other_family() {
	wrapped 4 6 ipip
}

test_forgotten_gue_ipv6() {
	wrapped 6 6 gue
}

# A cable is pulled for long, or a switch is restarted.
test_forgotten_link() {
	flat 2
	config set-backends $FLAT.10:8000 $FLAT.11 $FLAT.12
	equal before "backend1 backend2" "$(answers 2 http://$FLAT.10:8000/)"
	in_ns switch ip link set balancer-eth0 down
	eventually knows_nobody
	in_ns switch ip link set balancer-eth0 up
	wires_ready
	equal after "backend1 backend2" "$(answers 2 http://$FLAT.10:8000/ | xargs -n 1 | sort | xargs)"
}

knows_nobody() {
	[ -z "$(in_ns balancer ip neigh show dev eth0 | grep lladdr)" ]
}

# One that does not answer is asked for once a second and CPU, whatever comes.
test_forgotten_asked_seldom() {
	local asked
	flat 1
	config set-backends $FLAT.10:5300/udp $FLAT.11
	in_ns backend1 ip link set eth0 down
	in_ns balancer ip neigh del $FLAT.11 dev eth0
	in_ns client bash -c "for i in {1..300}; do echo >/dev/udp/$FLAT.10/5300; done"
	equal drops 300 "$(stat_of .drops.no_neighbour)"
	equal verdicts 300 "$(stat_of .verdicts.drop)"
	asked=$(in_ns balancer awk '/^Icmp: [0-9]/ { print $10 }' /proc/net/snmp)
	((asked >= 1 && asked <= 3 * $(nproc))) || fail "asked $asked times"
}
