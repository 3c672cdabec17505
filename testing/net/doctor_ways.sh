# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# What doctor finds on the ways to backends, by what traffic finds there too.

test_doctor_no_neighbour() {
	flat 2
	in_ns backend2 ip link set eth0 down
	config set-backends $FLAT.10:8000 $FLAT.12 $FLAT.11 2>/dev/null
	finds no_neighbour
	equal subject $FLAT.12 "$(found_as no_neighbour subject)"
	unanswering $WEB_URL
	[ "$(stat_of .drops.no_neighbour)" -gt 0 ] || fail "no drop is counted"
	type_remedy no_neighbour "xdplb-config set-state $FLAT.10:8000/tcp $FLAT.12:8000 down"
	finds
	equal answers "backend1 backend1" "$(answers 2 $WEB_URL)"
	in_ns backend2 ip link set eth0 up
	wires_ready
	config set-state $FLAT.10:8000 $FLAT.12 up 2>/dev/null
	eventually not_found no_neighbour # when the kernel next asks
	finds
}

# Somebody has emptied the table, and no packet comes that has the kernel ask.
test_doctor_neighbour_forgotten() {
	web
	healthy
	in_ns balancer ip neigh del $FLAT.11 dev eth0
	finds no_neighbour
	type_remedy no_neighbour "ip neigh replace $FLAT.11 dev eth0 managed"
	finds
	equal answers backend1 "$(answers 1 $WEB_URL)"
}

# A neighbour that was not heard of for long is as good as any.
test_doctor_neighbour_stale() {
	web
	in_ns balancer ip neigh replace $FLAT.11 lladdr "$(in_ns backend1 ip -j link show eth0 | jq -r '.[].address')" nud stale dev eth0
	healthy
	equal answers backend1 "$(answers 1 $WEB_URL)"
}

test_doctor_no_neighbour_ipv6() {
	family 6
	topo_flat 1
	http_servers 1
	config load eth0
	route client $ADDRESS fd71::10
	method nat fd71::11
	healthy
	in_ns backend1 ip link set eth0 down
	in_ns balancer ip neigh del fd71::11 dev eth0
	finds no_neighbour
	type_remedy no_neighbour "ip neigh replace fd71::11 dev eth0 managed"
	finds no_neighbour
	in_ns backend1 ip link set eth0 up
	in_ns backend1 ip address replace fd71::11/64 dev eth0 nodad
	eventually not_found no_neighbour
	equal answers backend1 "$(answers 1 "http://$HOST:8000/")"
}

# The gateway to a backend is gone, and comes back.
test_doctor_no_neighbour_gateway() {
	between 4 0
	far_router servers $ARMED.100/24
	route router default $ARMED.10
	route balancer 10.80.0.0/24 $ARMED.100
	far_host backend1
	http_start backend1 backend1 8000
	config set-backends $HOST:8000 ${FAR}2
	healthy
	in_ns router ip link set eth0 down
	in_ns balancer ip neigh del $ARMED.100 dev eth1
	finds no_neighbour
	in_ns router ip link set eth0 up
	in_ns router ip route replace default via $ARMED.10
	wires_ready
	type_remedy no_neighbour "ip neigh replace $ARMED.100 dev eth1 managed"
	finds
	equal answers backend1 "$(answers 1 http://$HOST:8000/)"
}

test_doctor_no_route() {
	between 4 0
	far_router servers $ARMED.100/24
	route router default $ARMED.10
	route balancer 10.80.0.0/24 $ARMED.100
	far_host backend1
	http_start backend1 backend1 8000
	config set-backends $HOST:8000 ${FAR}2
	config set-backends $HOST:8001 ${FAR}2:8000
	in_ns balancer ip route del 10.80.0.0/24
	finds no_route
	unanswering http://$HOST:8000/
	equal remedy "ip route add 10.80.0.2 via GATEWAY" "$(found_as no_route remedy)"
	in_ns balancer ip route add 10.80.0.2 via $ARMED.100
	finds
	equal answers backend1 "$(answers 1 http://$HOST:8000/)"
}
