# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# What doctor finds of two services that do not get on with each other, each right by itself.

# answered_by NAME PORT: the service at the balancer's address.
answered_by() {
	equal "who answers on $2" "$1" "$(answers 1 http://$FLAT.10:$2/)"
}

# Where the address of another machine becomes a service's, as those of servers do that move behind the balancer.
test_doctor_backend_here() {
	topo_flat 2
	http_start backend1 backend1 8000
	http_start backend2 backend2 8000
	config load eth0
	config set-backends $FLAT.10:8001 $FLAT.11:8000 $FLAT.12:8000
	finds
	in_ns backend2 ip address del $FLAT.12/24 dev eth0
	in_ns backend2 ip address add $FLAT.13/24 dev eth0
	in_ns balancer ip address add $FLAT.12/24 dev eth0
	config set-backends $FLAT.12:8000 $FLAT.13
	unanswered_in_turn
	finds backend_here
	equal text "backend $FLAT.12:8000 of $FLAT.10:8001/tcp: its address is this machine's by now, as that of $FLAT.12:8000/tcp, so packets to it are dropped (no_route)" \
		"$(found_as backend_here text)"
	type_remedy backend_here "xdplb-config del-backend $FLAT.10:8001/tcp $FLAT.12:8000"
	finds
	answered_by backend1 8001
	answered_by backend1 8001
}

# unanswered_in_turn: one of two connections gets no answer, and is counted.
unanswered_in_turn() {
	local i got=
	for i in 1 2; do
		got+=" $(in_ns client curl -sS --noproxy '*' --max-time 1.5 http://$FLAT.10:8001/ 2>/dev/null || echo nobody)"
	done
	equal "who answers" "backend1 nobody" "$(tr ' ' '\n' <<<"${got# }" | sort | xargs)"
	[ "$(stat_of .drops.no_route)" -gt 0 ] || fail "nothing is counted as no_route"
}

# Each is the other's backend, and a router sends back what is for either.
test_doctor_service_loop() {
	local one=198.51.100.1 two=198.51.100.2
	topo_flat 1
	http_start backend1 backend1 8000
	forwards client
	in_ns client ip route add 198.51.100.0/24 via $FLAT.10
	in_ns balancer ip route add 198.51.100.0/24 via $FLAT.2
	config load eth0
	config set-backends $one:8000 $FLAT.11:8000 $two:8000,state=down
	config set-backends $two:8000 --forward dnat $one:8000
	finds
	config set-state $one:8000 $two:8000 up
	config set-state $one:8000 $FLAT.11:8000 down
	! in_ns client curl -sS --noproxy '*' --max-time 1.5 http://$one:8000/ 2>/dev/null || fail "it is answered"
	[ "$(stat_of '.services[0].packets')" -gt 10 ] || fail "the packet did not go round"
	equal text "backend $two:8000 of $one:8000/tcp: it is $two:8000/tcp, one of whose backends is the former, so packets go round until their TTL is over" \
		"$(found_as service_loop text)"
	config set-state $one:8000 $FLAT.11:8000 up
	type_remedy service_loop "xdplb-config set-state $one:8000/tcp $two:8000 down"
	not_found service_loop
	equal answers backend1 "$(answers 1 http://$one:8000/)"
}

# dsr's backends get the balancer's address, and what nat sends from that.
test_doctor_source_held() {
	topo_flat 1
	http_start backend1 backend1 8000
	http_start backend1 backend1 8001
	in_ns balancer ip address add $FLAT.110/24 dev eth0
	config load eth0
	config set-backends $FLAT.10:8001 $FLAT.11
	answered_by backend1 8001
	config set-backends $FLAT.10:8000 --forward dsr $FLAT.11
	HOST=$FLAT.10
	set_up backend1 $FLAT.11
	answered_by backend1 8000
	unanswering http://$FLAT.10:8001/
	finds source_held
	equal text "$FLAT.10:8001/tcp: it sends to backend $FLAT.11 from $FLAT.10, which is that machine's own too, as backend of $FLAT.10:8000/tcp: it answers itself" \
		"$(found_as source_held text)"
	equal remedy "xdplb-config set-service $FLAT.10:8001/tcp --snat ADDRESS" "$(found_as source_held remedy)"
	config set-service $FLAT.10:8001 --snat $FLAT.110
	finds
	answered_by backend1 8001
	answered_by backend1 8000
}

# Other backends of dsr, and other addresses, are nobody's concern.
test_doctor_source_not_held() {
	topo_flat 2
	config load eth0
	config set-backends $FLAT.10:8000 --forward dsr $FLAT.11
	config set-backends $FLAT.10:8001 $FLAT.12
	config set-backends $FLAT.10:8002 --forward dnat $FLAT.11
	in_ns balancer ip address add $FLAT.110/24 dev eth0
	config set-backends $FLAT.110:8003 --snat $FLAT.110 $FLAT.11
	finds
}

# Likewise the outer source of what is wrapped.
test_doctor_source_held_gue() {
	family 4
	topo_flat 1
	in_ns balancer ip address add $FLAT.100/24 dev eth0
	config load --encap eth0
	config set-backends $FLAT.100:8000 --forward dsr $FLAT.11
	config set-backends $ADDRESS:8000 --forward gue --snat $FLAT.10 $FLAT.11
	finds
	config set-service $ADDRESS:8000 --snat $FLAT.100
	finds source_held
	config set-service $ADDRESS:8000 --snat $FLAT.10
	finds
}

# xdp-loader gives each interface maps of its own, and only one of them was changed.
test_doctor_service_twice() {
	topo_two_armed 2
	attach eth0
	attach eth1
	config set-backends -d eth0 10.72.0.10:8000 --forward dnat $ARMED.11,weight=2 $ARMED.12
	not_found service_twice
	config set-backends -d eth1 10.72.0.10:8000 --forward dnat $ARMED.12 $ARMED.11,weight=2
	not_found service_twice
	config set-backends -d eth1 10.72.0.10:8000 $ARMED.12
	equal "once" 1 "$(config -j doctor | jq 'map(select(.finding == "service_twice")) | length')"
	type_remedy service_twice "xdplb-config set-backends -d eth1 10.72.0.10:8000/tcp $ARMED.11:8000,weight=2 $ARMED.12:8000"
	not_found service_twice
	config set-service -d eth1 10.72.0.10:8000 --scheduler lc
	equal "of the other" "xdplb-config unload eth0 && xdplb-config load -p $PINS eth1 eth0" \
		"$(config -j doctor eth1 | jq -r '.[] | select(.finding == "service_twice").remedy')"
	config doctor
	type_remedy service_twice "xdplb-config unload eth1 && xdplb-config load -p $PINS eth0 eth1"
	finds
}
