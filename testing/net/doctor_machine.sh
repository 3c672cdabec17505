# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# What doctor finds of the machine's settings and of programs that are missing, or not alone.

UNANSWERED=$FLAT.77

test_doctor_address_unanswered() {
	topo_flat 1
	http_start backend1 backend1 8000
	config load eth0
	config set-backends $UNANSWERED:8000 $FLAT.11
	unanswering http://$UNANSWERED:8000/
	finds address_unanswered
	type_remedy address_unanswered "ip address add $UNANSWERED/32 dev eth0"
	finds
	equal answers backend1 "$(answers 1 http://$UNANSWERED:8000/)"
}

test_doctor_address_unanswered_ipv6() {
	topo_flat 1
	http_start backend1 backend1 8000
	config load eth0
	config set-backends "[fd71::77]:8000" fd71::11
	finds address_unanswered
	type_remedy address_unanswered "ip address add fd71::77/128 dev eth0"
	finds
	sleep 1 # which duplicate address detection may take
	equal answers backend1 "$(answers 1 "http://[fd71::77]:8000/")"
}

# Another machine has it, a standby's partner, say; or this one answers in another's stead.
test_doctor_address_elsewhere() {
	topo_flat 1
	config load eth0
	in_ns client ip address add $UNANSWERED/24 dev eth0
	config set-backends $UNANSWERED:8000 $FLAT.11
	finds
	in_ns client ip address del $UNANSWERED/24 dev eth0
	in_ns balancer ip neigh flush dev eth0 $UNANSWERED
	in_ns balancer ip neigh add proxy $UNANSWERED dev eth0
	finds
}

# Somebody turns forwarding off, on all interfaces.
test_doctor_forwarding_off() {
	flat 1
	ns_sysctl balancer ipv4/ip_forward 1
	config set-backends $FLAT.10:8000 $FLAT.11
	healthy
	ns_sysctl balancer ipv4/ip_forward 0
	unanswering $WEB_URL
	[ "$(stat_of .drops.no_route)" -gt 0 ] || fail "no drop is counted"
	finds forwarding_off
	type_remedy forwarding_off "sysctl -w net.ipv4.conf.lo.forwarding=1"
	finds
	equal answers backend1 "$(answers 1 $WEB_URL)"
}

# One interface of two: replies come in where no program is.
half_armed() {
	family 4
	topo_two_armed 1
	http_servers 1
	config load eth0
	config set-backends --forward "$1" $HOST:8000 $ARMED.11
}

test_doctor_replies_unseen() {
	half_armed nat
	unanswering http://$HOST:8000/
	finds replies_unseen
	equal "of eth0" "[ ]" "$(config -j doctor eth0)"
	type_remedy replies_unseen "xdplb-config load -p $PINS eth1"
	finds
	equal answers backend1 "$(answers 1 http://$HOST:8000/)"
}

test_doctor_replies_unseen_dnat() {
	half_armed dnat
	unanswering http://$HOST:8000/
	type_remedy replies_unseen "xdplb-config load -p $PINS eth1"
	finds
	equal answers backend1 "$(answers 1 http://$HOST:8000/)"
}

# dsr's replies are nobody's business.
test_doctor_replies_elsewhere() {
	half_armed dsr
	finds
}

# xdp-loader, once for each interface: two balancers that do not know of each other.
test_doctor_replies_at_another() {
	family 4
	topo_two_armed 1
	http_servers 1
	attach eth0
	attach eth1
	config set-backends -d eth0 $HOST:8000 $ARMED.11
	unanswering http://$HOST:8000/
	finds replies_unseen
	type_remedy replies_unseen "xdplb-config unload eth1 && xdplb-config load -p $PINS eth0 eth1"
	finds
	equal answers backend1 "$(answers 1 http://$HOST:8000/)"
}

test_doctor_program_foreign() {
	local other
	other=$(echo /usr/lib/*/bpf/xsk_def_xdp_prog.o)
	[ -r "$other" ] || skip "no XDP program of xdp-tools here"
	half_armed nat
	in_ns balancer ip link set dev eth1 xdp object "$other" section xdp
	unanswering http://$HOST:8000/
	finds program_foreign
	type_remedy program_foreign "xdp-loader unload --all eth1 && xdplb-config load -p $PINS eth1"
	finds
	equal answers backend1 "$(answers 1 http://$HOST:8000/)"
}

# wrapping: clients at eth0 and backends at eth1, wrapped for by ipip.
wrapping() {
	family 4
	topo_two_armed 1
	config load --encap eth1
	config load "$@" eth0
	config set-backends --forward ipip $ADDRESS:5300/udp $ARMED.11 2>/dev/null
}

test_doctor_encap_missing() {
	wrapping
	! udp_ask client -t 0.5 $ADDRESS 5300 hello 2>/dev/null || fail "who answers?"
	[ "$(stat_of .drops.no_encap)" -gt 0 ] || fail "no drop is counted"
	finds encap_missing
	type_remedy encap_missing "xdplb-config load --encap -p $PINS eth0"
	finds
}

# grows METHOD BYTES: an MTU that has no room for these.
grows() {
	wrapping --encap
	config set-service --forward "$1" $ADDRESS:5300/udp
	finds
	! udp_ask client -t 0.5 $ADDRESS 5300 @1472 2>/dev/null || fail "who answers?"
	[ "$(stat_of .answers.too_big)" -gt 0 ] || fail "no answer is counted"
	finds mtu_too_small
	type_remedy mtu_too_small "ip link set dev eth1 mtu $((1500 + $2))"
	finds
}

test_doctor_mtu_too_small() {
	grows ipip 20
}

test_doctor_mtu_too_small_gue() {
	grows gue 28
}

# What did not fit was a service's that is gone: of another one it says nothing before that has packets.
test_doctor_mtu_too_small_gone() {
	wrapping --encap
	! udp_ask client -t 0.5 $ADDRESS 5300 @1472 2>/dev/null || fail "who answers?"
	finds mtu_too_small
	config del-service $ADDRESS:5300/udp
	config set-backends --forward ipip $ADDRESS:5301/udp $ARMED.11 2>/dev/null
	[ "$(stat_of .answers.too_big)" -gt 0 ] || fail "no answer is counted"
	finds
	udp_ask client -t 0.5 $ADDRESS 5301 @1472 2>/dev/null || true
	finds mtu_too_small
}

# back_by_eth1: a client of a listener here, whose packets come in by eth0, and whose answers leave by eth1.
back_by_eth1() {
	family 4
	topo_two_armed 0
	wire client eth1 servers $ARMED.2/24
	wires_ready
	in_ns client ip address add 10.90.0.2/32 dev lo
	ns_sysctl client ipv4/conf/all/rp_filter 0
	ns_sysctl client ipv4/conf/eth1/rp_filter 0
	in_ns balancer ip route add 10.90.0.2/32 via $ARMED.2
	in_ns balancer ip address add $ADDRESS/32 dev lo
	ns_sysctl balancer ipv4/conf/all/rp_filter 0
	ns_sysctl balancer ipv4/conf/eth0/rp_filter 1
	ns_sysctl balancer ipv4/conf/eth1/rp_filter 1
	echo_start balancer here 5001
}

# is_filtered: that client's packets are, which is found and remedied.
is_filtered() {
	config set-backends --forward local $ADDRESS:5000 :5001
	flows client $ADDRESS 5000 1
	finds
	! flows client -b 10.90.0.2 $ADDRESS 5000 1 2>/dev/null || fail "nothing is filtered"
	eventually finds_now rp_filter
	type_remedy rp_filter "sysctl -w net.ipv4.conf.eth0.rp_filter=2"
	finds
	flows client -b 10.90.0.2 $ADDRESS 5000 1
	finds
}

# finds_now NAME: this alone.
finds_now() {
	[ "$(config -j doctor | jq -r 'map(.finding) | join(" ")')" = "$1" ]
}

test_doctor_rp_filter() {
	back_by_eth1
	config load eth0
	config attach-replies -d eth0 eth1
	is_filtered
}

# Packets may come in by eth1 as well, and would be taken: only who gets no answer shows it.
test_doctor_rp_filter_balancer_both() {
	back_by_eth1
	config load eth0 eth1
	is_filtered
}
