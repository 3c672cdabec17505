# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# What doctor finds by flows: backends that answer none, and tables that they fill.

# attempts N URL: connections under way that get no answer.
attempts() {
	local i
	for ((i = 0; i < $1; i++)); do
		background "attempt$i" in_ns client curl -sS --noproxy '*' --max-time 4 "$2"
	done
	eventually has_flows "$1"
}

# answered N URL: and nothing is found.
answered() {
	equal answers "$(yes backend1 | head -n "$1" | xargs)" "$(answers "$1" "$2")"
	finds
}

# The backend does not know the service's address.
test_doctor_backend_silent_dsr() {
	between 4 1
	config set-backends --forward dsr $ADDRESS:8000 $ARMED.11
	forwards balancer
	finds
	attempts 3 http://$HOST:8000/
	finds backend_silent
	equal subject "backend $ARMED.11:8000 of $ADDRESS:8000/tcp" "$(found_as backend_silent subject)"
	type_remedy backend_silent "xdplb-config backend-setup $ADDRESS:8000/tcp $ARMED.11:8000" >"$NET_DIR/setup"
	in_ns backend1 sh -e "$NET_DIR/setup"
	answered 2 http://$HOST:8000/
}

# The balancer is the gateway of replies, and forwards none.
test_doctor_forwarding_needed() {
	between 4 1
	config set-backends --forward dsr $ADDRESS:8000 $ARMED.11
	set_up backend1 $ARMED.11
	attempts 3 http://$HOST:8000/
	finds forwarding_needed
	type_remedy forwarding_needed "sysctl -w net.ipv4.ip_forward=1"
	answered 2 http://$HOST:8000/
}

# Replies of dnat that go past the balancer.
test_doctor_backend_silent_dnat() {
	family 4
	topo_flat 1
	http_servers 1
	config load eth0
	route client $ADDRESS $FLAT.10
	config set-backends --forward dnat $ADDRESS:8000 $FLAT.11
	finds
	attempts 3 http://$HOST:8000/
	finds backend_silent
	type_remedy backend_silent "xdplb-config backend-setup $ADDRESS:8000/tcp $FLAT.11:8000" >"$NET_DIR/setup"
	in_ns backend1 sh -e "$NET_DIR/setup"
	answered 2 http://$HOST:8000/
}

# A firewall: nat can only do without it.
test_doctor_backend_silent_nat() {
	needs nft
	web
	in_ns backend2 nft 'add table inet t; add chain inet t in { type filter hook input priority 0; }; add rule inet t in tcp dport 8000 drop'
	config set-backends $FLAT.10:8000 $FLAT.12
	attempts 3 $WEB_URL
	finds backend_silent
	config add-backend $FLAT.10:8000 $FLAT.11
	type_remedy backend_silent "xdplb-config set-state $FLAT.10:8000/tcp $FLAT.12:8000 down"
	finds
	equal answers "backend1 backend1" "$(answers 2 $WEB_URL)"
}

# Who refuses has answered; so has one whose flows are merely young.
test_doctor_backend_refuses() {
	web
	config set-backends $FLAT.10:8001 $FLAT.11
	for _ in 1 2 3 4; do unanswering http://$FLAT.10:8001/; done
	sleep 2
	finds
}

test_doctor_flows_nearly_full() {
	topo_flat 1
	echoes 1
	config load --flows 64 eth0
	config set-backends $FLAT.10:7000/udp $FLAT.11
	flows client -u -r 1 $FLAT.10 7000 40 >"$NET_DIR/flows"
	finds
	flows client -u -r 1 $FLAT.10 7000 100 >"$NET_DIR/flows" 2>&1 || true
	finds flows_nearly_full
	cd "$NET_DIR" || fail "no $NET_DIR"
	type_remedy flows_nearly_full "xdplb-config save >FILE && xdplb-config unload eth0 && xdplb-config load --flows 256 eth0 && xdplb-config apply FILE"
	finds
	flows client -u -r 1 $FLAT.10 7000 40 >"$NET_DIR/flows"
}

test_doctor_ports_nearly_used() {
	topo_flat 1
	echoes 1
	own_range 1024 65499
	config load eth0
	config set-backends $FLAT.10:7000 $FLAT.11
	lasting_flows client few $FLAT.10 7000 20
	eventually has_flows 20
	finds
	lasting_flows client more $FLAT.10 7000 13
	eventually has_flows 33
	finds ports_nearly_used
	equal remedy "xdplb-config set-service $FLAT.10:7000/tcp --snat $FLAT.10 --snat ADDRESS" "$(found_as ports_nearly_used remedy)"
	in_ns balancer ip address add $FLAT.110/24 dev eth0
	finish more
	config set-service $FLAT.10:7000/tcp --snat $FLAT.10 --snat $FLAT.110
	finds
	lasting_flows client others $FLAT.10 7000 30
	eventually has_flows 50
	finish others
	finish few
}

has_flows() {
	[ "$(stat_of '.services[0].active_flows')" = "$1" ]
}

test_doctor_sets_nearly_full() {
	local port
	topo_flat 1
	config load eth0
	for port in {8001..8014}; do
		config set-backends $FLAT.10:$port --scheduler maglev --table-size 524287 $FLAT.11
	done
	finds
	config set-backends $FLAT.10:8015 --scheduler maglev --table-size 524287 $FLAT.11
	finds sets_nearly_full
	type_remedy sets_nearly_full "xdplb-config set-service $FLAT.10:8001/tcp --table-size auto"
	finds
}

# A process where the service is: the balancer hands its packets to others.
test_doctor_listener_shadowed() {
	family 4
	topo_flat 1
	route client $ADDRESS/32 $FLAT.10
	in_ns balancer ip address add $ADDRESS/32 dev lo
	udp_start balancer on5000 5000
	udp_start balancer on5001 5001
	config load eth0
	config set-backends --forward local $ADDRESS:5000/udp :5001
	equal answer "on5001 hello" "$(udp_ask client $ADDRESS 5000 hello)"
	finds listener_shadowed
	type_remedy listener_shadowed "xdplb-config add-backend $ADDRESS:5000/udp :5000"
	finds
	equal answers "on5000 hello on5001 hello" "$({
		udp_ask client $ADDRESS 5000 hello
		udp_ask client $ADDRESS 5000 hello
	} | sort | xargs)"
}
