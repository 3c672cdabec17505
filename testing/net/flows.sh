# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# Many flows at once: none collides, each keeps its backend, the split is exact.

# distinct FILE...: no backend sees two flows come from one address and port.
distinct() {
	local twice
	twice=$(cat "$@" | sort | uniq -d | head -n 1)
	[ -z "$twice" ] || fail "two flows are one to their backend: $twice"
}

# out_of_range FILE: every port lies outside the balancer's own port range.
out_of_range() {
	local first last inside
	read -r first last < <(in_ns balancer cat /proc/sys/net/ipv4/ip_local_port_range)
	inside=$(awk -v first="$first" -v last="$last" '$3 >= first && $3 <= last { print; exit }' "$1")
	[ -z "$inside" ] || fail "a port of the machine's own range $first to $last: $inside"
}

# client2 beside client, in the same network.
second_client() {
	host_add client2
	wire client2 eth0 lan $FLAT.3/24
	wires_ready
}

test_concurrent_2000() {
	topo_flat 2
	echoes 2
	attach eth0
	config set-backends $FLAT.10:7000 $FLAT.11 $FLAT.12
	flows client -r 3 $FLAT.10 7000 2000 >"$NET_DIR/seen"
	equal flows "1000 backend1 1000 backend2" \
		"$(cut -d ' ' -f 1 "$NET_DIR/seen" | sort | uniq -c | xargs)"
	equal source $FLAT.10 "$(cut -d ' ' -f 2 "$NET_DIR/seen" | sort -u)"
	distinct "$NET_DIR/seen"
	out_of_range "$NET_DIR/seen"
}

# The same source port from two clients at once, to one service and backend.
test_same_source_port() {
	topo_flat 1
	second_client
	echoes 1
	attach eth0
	config set-backends $FLAT.10:7000 $FLAT.11
	lasting_flows client one -p 45000 $FLAT.10 7000 1
	eventually more_than 0
	flows client2 -p 45000 -r 20 $FLAT.10 7000 1 >"$NET_DIR/two.out"
	finish one
	distinct "$NET_DIR/one.out" "$NET_DIR/two.out"
	equal flows 2 "$(stat_of .services[0].new_flows)"
}

# Two clients with the same 10,000 source ports each.
test_flows_20000() {
	topo_flat 1
	second_client
	own_range 1500 4000
	echoes 1
	attach eth0
	config set-backends $FLAT.10:7000/udp $FLAT.11
	background one flows client -u -p 20000 $FLAT.10 7000 10000
	background two flows client2 -u -p 20000 $FLAT.10 7000 10000
	joined one
	joined two
	equal flows 20000 "$(cat "$NET_DIR"/{one,two}.out | wc -l)"
	distinct "$NET_DIR/one.out" "$NET_DIR/two.out"
	out_of_range "$NET_DIR/one.out"
	out_of_range "$NET_DIR/two.out"
	equal counted 20000 "$(stat_of .services[0].new_flows)"
	equal active 20000 "$(stat_of .services[0].active_flows)"
	# Those that were first are still who they were.
	flows client -u -r 1 -p 20000 $FLAT.10 7000 10000 >"$NET_DIR/again.out"
	cmp "$NET_DIR/one.out" "$NET_DIR/again.out"
	equal counted 20000 "$(stat_of .services[0].new_flows)"
}

# TCP and UDP to the same backend port are two worlds.
test_flows_tcp_and_udp() {
	topo_flat 1
	echoes 1
	attach eth0
	config set-backends $FLAT.10:7000/udp $FLAT.11
	config set-backends $FLAT.10:7000/tcp $FLAT.11
	background udp flows client -u -p 20000 -r 4 $FLAT.10 7000 1500
	background tcp flows client -p 20000 -r 4 $FLAT.10 7000 1500
	joined udp
	joined tcp
	distinct "$NET_DIR/udp.out"
	distinct "$NET_DIR/tcp.out"
}

# split PROTO FLOWS: 40 processes on all CPUs, so many flows each, a multiple of 5 + 1 + 1. Each
# has its own ports, as a UDP flow from a port used before would be no new one.
split() {
	local i jobs=() option=-p part=$((40 * $2 / 7))
	[ "$1" != udp ] || option=-up
	config set-backends "$FLAT.10:7000/$1" $FLAT.11,weight=5 $FLAT.12 $FLAT.13
	for ((i = 0; i < 40; i++)); do
		in_ns client taskset -c $((i % $(nproc))) "$NET_PYTHON" "$HERE/flows.py" $option $((20000 + $2 * i)) \
			-r 1 $FLAT.10 7000 "$2" >"$NET_DIR/$1$i.out" &
		jobs+=($!)
	done
	for i in "${jobs[@]}"; do wait "$i" || fail "a client of 40 failed"; done
	equal "$1" "$((5 * part)) backend1 $part backend2 $part backend3" \
		"$(cut -d ' ' -f 1 "$NET_DIR/$1"*.out | sort | uniq -c | xargs)"
}

test_exact_split() {
	topo_flat 3
	echoes 3
	queues balancer eth0
	queues client eth0
	attach eth0
	split tcp 70
	split udp 700
}

# What passes on both sides: only the rewritten on one, only the service's on the other.
test_rewriting() {
	local lines first last port
	needs tcpdump
	flat 1
	own_range 1024 4000
	capture backend1 eth0 tcp
	capture client eth0 tcp
	config set-backends $FLAT.10:80 $FLAT.11:8000
	equal answer backend1 "$(http_get client http://$FLAT.10/)"
	lines=$(captured client)
	[ -n "$lines" ] || fail "nothing seen at the client"
	equal "others at the client" "" "$(tcpdump -nnr "$NET_DIR/client.pcap" \
		"not (host $FLAT.2 and host $FLAT.10 and port 80)" 2>/dev/null)"
	equal "checksums at the client" 0 "$(grep -c 'incorrect\|bad cksum' <<<"$lines" || true)"
	lines=$(captured backend1)
	equal "others at the backend" "" "$(tcpdump -nnr "$NET_DIR/backend1.pcap" \
		"not (host $FLAT.10 and host $FLAT.11 and port 8000)" 2>/dev/null)"
	equal "checksums at the backend" 0 "$(grep -c 'incorrect\|bad cksum' <<<"$lines" || true)"
	read -r first last < <(in_ns balancer cat /proc/sys/net/ipv4/ip_local_port_range)
	port=$(sed -n "s/.* $FLAT\.10\.\([0-9]*\) > $FLAT\.11\.8000: .*/\1/p" <<<"$lines" | sort -u)
	[[ $port =~ ^[0-9]+$ ]] || fail "not one source port: '$port'"
	[ "$port" -lt "$first" ] || [ "$port" -gt "$last" ] || fail "port $port is in $first to $last"
}

# The balancer's own servers and connections, beside 16,500 flows of its clients.
test_own_traffic() {
	local own
	topo_flat 1
	echoes 1
	http_start backend1 backend1 8000
	# On ports that nat gives out early, before and after the balancer was configured.
	http_start balancer before 1500
	attach eth0
	config set-backends $FLAT.10:7000 $FLAT.11
	config set-backends $FLAT.10:7000/udp $FLAT.11
	echo_start balancer after 1600
	lasting_flows client many $FLAT.10 7000 1500
	background datagrams flows client -u -r 3 $FLAT.10 7000 15000
	lasting_flows balancer own $FLAT.11 7000 300
	own=$(http_get client http://$FLAT.10:1500/)
	equal "listener from before" before "$own"
	flows client -u $FLAT.10 1600 50 >"$NET_DIR/after"
	flows client $FLAT.10 1600 50 >>"$NET_DIR/after"
	equal "listener from after" 100 "$(grep -c '^after ' "$NET_DIR/after")"
	equal "download" backend1 "$(download balancer http://$FLAT.11:8000/big/20000000)"
	finish own
	finish many
	joined datagrams
	equal "own flows" 300 "$(grep -c "^backend1 $FLAT.10 " "$NET_DIR/own.out")"
	distinct "$NET_DIR/own.out" "$NET_DIR/many.out"
	equal "on a listener's port" "" "$(awk '$3 == 1500 || $3 == 1600' "$NET_DIR"/{many,datagrams}.out | head -n 1)"
}

# own_are N: so many connections of the balancer's own are there.
own_are() {
	[ "$(in_ns balancer ss -Htn state established | wc -l)" = "$1" ]
}

# own_ports AFTER: own connections to the backend from ports that nat would give out early,
# 200 from before the balancer was configured and AFTER that begin later.
own_ports() {
	topo_flat 1
	echoes 1
	attach eth0
	lasting_flows balancer before -p 2000 $FLAT.11 7000 200
	eventually own_are 200
	config set-backends $FLAT.10:7000 $FLAT.11
	lasting_flows balancer after -p 2500 $FLAT.11 7000 "$1"
	eventually own_are $((200 + $1))
	flows client $FLAT.10 7000 5000 >"$NET_DIR/seen" ||
		fail "a client got no answer; no_port drops: $(stat_of .drops.no_port)"
	distinct "$NET_DIR/seen"
	equal "taken from the machine" "" "$(awk -v after="$1" \
		'$3 >= 2000 && $3 < 2200 || $3 >= 2500 && $3 < 2500 + after' "$NET_DIR/seen" | head -n 1)"
	finish before
	finish after
	equal "own flows" $((200 + $1)) "$(cat "$NET_DIR"/{before,after}.out | wc -l)"
}

test_own_ports() {
	own_ports 5
}

# More in a row than the program tries at once.
test_own_ports_in_a_row() {
	own_ports 200
}

test_snat_one() {
	topo_flat 1
	echoes 1
	attach eth0
	in_ns balancer ip address add $FLAT.40/24 dev eth0
	config set-backends --snat $FLAT.40 $FLAT.10:7000 $FLAT.11
	flows client $FLAT.10 7000 20 >"$NET_DIR/seen"
	equal source $FLAT.40 "$(cut -d ' ' -f 2 "$NET_DIR/seen" | sort -u)"
	equal shown $FLAT.40 "$(config -j list | jq -r '.[0].snat | join(" ")')"
}

# Several: all are used, and more flows fit than one address has ports for.
test_snat_several() {
	topo_flat 1
	second_client
	echoes 1
	attach eth0
	in_ns balancer ip address add $FLAT.40/24 dev eth0
	in_ns balancer ip address add $FLAT.41/24 dev eth0
	in_ns client ip address add $FLAT.5/24 dev eth0
	config set-backends --snat $FLAT.40 --snat $FLAT.41 $FLAT.10:7000/udp $FLAT.11
	background one flows client -u -p 1024 $FLAT.10 7000 14000
	background two flows client2 -u -p 1024 $FLAT.10 7000 14000
	background three flows client -u -p 1024 -b $FLAT.5 $FLAT.10 7000 14000
	joined one
	joined two
	joined three
	cat "$NET_DIR"/{one,two,three}.out >"$NET_DIR/all"
	equal flows 42000 "$(wc -l <"$NET_DIR/all")"
	distinct "$NET_DIR/all"
	equal sources "$FLAT.40 $FLAT.41" "$(cut -d ' ' -f 2 "$NET_DIR/all" | sort -u | xargs)"
}
