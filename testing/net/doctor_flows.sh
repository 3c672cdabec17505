# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# What doctor finds by flows: backends that answer none, and tables that they fill.

# attempts N URL [ALL]: connections under way that get no answer, ALL with those before.
attempts() {
	local all=${3:-$1} i
	for ((i = all - $1; i < all; i++)); do
		background "attempt$i" in_ns client curl -sS --noproxy '*' --max-time 4 "$2"
	done
	eventually has_flows "$all"
}

# answered N URL: and nothing is found.
answered() {
	equal answers "$(seq "$1" | sed 's/.*/backend1/' | xargs)" "$(answers "$1" "$2")"
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
	deafen backend2 dport 8000
	config set-backends $FLAT.10:8000 $FLAT.12
	attempts 3 $WEB_URL
	finds backend_silent
	config add-backend $FLAT.10:8000 $FLAT.11
	type_remedy backend_silent "xdplb-config set-state $FLAT.10:8000/tcp $FLAT.12:8000 down"
	finds
	equal answers "backend1 backend1" "$(answers 2 $WEB_URL)"
}

# deafen HOST sport|dport PORT: it hears no more of what comes from there, or for it, by TCP.
deafen() {
	in_ns "$1" nft "add table inet t; add chain inet t in { type filter hook input priority 0; }; add rule inet t in tcp $2 $3 drop"
}

# It has served, and drops everything now: a few connections more, none of which gets further.
test_doctor_backend_goes_silent() {
	needs nft
	web
	equal answers "backend1 backend1 backend1" "$(answers 3 $WEB_URL)"
	finds
	deafen backend1 dport 8000
	sleep 2
	attempts 4 $WEB_URL
	finds
	attempts 5 $WEB_URL 9
	finds backend_silent
	equal subject "backend $FLAT.11:8000 of $FLAT.10:8000/tcp" "$(found_as backend_silent subject)"
	in_ns backend1 nft delete table inet t
	answered 1 $WEB_URL
}

# It dies at work: clients send on what they had, again and again.
test_doctor_backend_dies_at_work() {
	needs nft
	topo_flat 1
	echoes 1
	config load eth0
	config set-backends $FLAT.10:7000 $FLAT.11
	cat >"$NET_DIR/talk.py" <<-END
		import socket, time
		talks = [socket.create_connection(("$FLAT.10", 7000)) for _ in range(30)]
		for talk in talks:
		    talk.setblocking(False)
		while True:
		    for talk in talks:
		        try:
		            talk.send(b"x")
		            talk.recv(65536)
		        except BlockingIOError:
		            pass
		    time.sleep(0.3)
	END
	start client "$NET_PYTHON" "$NET_DIR/talk.py"
	sleep 2
	finds
	deafen backend1 dport 7000
	attempts 6 http://$FLAT.10:7000/ 36
	# Doctor looks for a moment, in which somebody has to ask.
	start client bash -c 'while sleep 0.3; do curl -s --noproxy "*" -m 3 -o /dev/null "$0" & done' http://$FLAT.10:7000/
	finds backend_silent
}

# The same with dsr, of whose answers nothing is seen but what clients send then.
test_doctor_backend_goes_silent_dsr() {
	needs nft
	between 4 1
	config set-backends --forward dsr $ADDRESS:8000 $ARMED.11
	forwards balancer
	set_up backend1 $ARMED.11
	answered 2 http://$HOST:8000/
	deafen backend1 dport 8000
	sleep 3
	attempts 6 http://$HOST:8000/
	finds backend_silent
	in_ns backend1 nft delete table inet t
	answered 1 http://$HOST:8000/
}

# Clients that hear no answer, or want none, of a backend that gives it.
test_doctor_backend_answers_the_deaf() {
	needs nft
	web
	equal answers "backend1 backend1" "$(answers 2 $WEB_URL)"
	sleep 3
	deafen client sport 8000
	background trickle in_ns client sh -c "while :; do timeout 0.3 curl -sS --noproxy '*' $WEB_URL; done"
	sleep 5
	finds
	in_ns client nft delete table inet t
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
	type_remedy flows_nearly_full "xdplb-config load --flows 256 eth0"
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
