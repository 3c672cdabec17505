# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# Listeners on the balancer's own machine: real processes, on lo and over a wire.

VIP=192.0.2.1
VIP6=2001:db8::1
LOCAL=$VIP:5000
PAIR=":5001,weight=3 :5002"

# ---- the box ----------------------------------------------------------------------------

# addresses: the services' own, on the balancer's lo.
addresses() {
	in_ns balancer ip address add $VIP/32 dev lo
	in_ns balancer ip address add $VIP6/128 dev lo nodad
}

# box: one machine that nobody else is on, with listeners on 5001 and 5002, and the program on lo.
box() {
	host_add balancer
	addresses
	listeners 5001 5002
	config load lo
}

# wired: the client on a wire, the same listeners, bound to the services' address; nothing is loaded.
wired() {
	topo_flat 0
	addresses
	route client $VIP $FLAT.10
	route client $VIP6 fd71::10
	listeners -b $VIP 5001 5002
	listeners -b $VIP6 5001 5002
}

# listeners WORD...: see listeners.py.
listeners() {
	start balancer "$NET_PYTHON" "$HERE/listeners.py" serve "$@"
	LISTENERS=$STARTED
	eventually bound_by $STARTED
}

# bound_by PROCESS: what it started has sockets of both protocols.
bound_by() {
	local child
	child=$(pgrep -P "$1") || return 1
	[ "$(in_ns balancer ss -Hlntup | grep -c "pid=$child,")" -ge 2 ]
}

# ask HOST WORD...: who answers, in one line.
ask() {
	in_ns "$1" "$NET_PYTHON" "$HERE/listeners.py" "${@:2}" | xargs
}

# local_service SERVICE [WORD...]: with both listeners.
local_service() {
	config set-backends "$1" --forward local $PAIR "${@:2}"
}

# bad_sums: packets whose checksum the stack found wrong, of both families.
bad_sums() {
	in_ns balancer nstat -asz Ip6InErrors '*InCsumErrors' | awk 'NR > 1 { sum += $2 } END { print sum + 0 }'
}

# steady HOST NAME [WORD...]: a datagram of one socket each 2 ms until `finish NAME`; see listeners.py.
steady() {
	background "$2" in_ns "$1" "$NET_PYTHON" "$HERE/listeners.py" steady $VIP 5000 "$NET_DIR/$2.go" "${@:3}"
	eventually has_answers "$2"
}

has_answers() {
	[ -s "$NET_DIR/$1.go.log" ]
}

# ---- they are reached --------------------------------------------------------------------

test_local_udp_lo() {
	box
	config set-backends -d lo $LOCAL/udp --forward local $PAIR
	equal "400 datagrams" "5001 300 5002 100" "$(ask balancer datagrams $VIP 5000 400)"
	local_service "[$VIP6]:5000/udp"
	equal "400 of IPv6" "5001 300 5002 100" "$(ask balancer datagrams $VIP6 5000 400)"
}

# On the service's address and on any; from another machine.
test_local_udp_wire() {
	wired
	config load eth0
	local_service $LOCAL/udp
	local_service "[$VIP6]:5000/udp"
	equal "400 datagrams" "5001 300 5002 100" "$(ask client datagrams $VIP 5000 400)"
	equal "400 of IPv6" "5001 300 5002 100" "$(ask client datagrams $VIP6 5000 400)"
	listeners 5003 5004
	config set-backends $FLAT.10:5000/udp --forward local :5003 :5004,weight=3
	config set-backends "[fd71::10]:5000/udp" --forward local :5003 :5004,weight=3
	equal "to any address" "5003 100 5004 300" "$(ask client datagrams $FLAT.10 5000 400)"
	equal "to any of IPv6" "5003 100 5004 300" "$(ask client datagrams fd71::10 5000 400)"
}

# At a loopback address, for this machine's own clients.
test_local_loopback() {
	host_add balancer
	listeners 5001 5002
	config load lo
	local_service 127.0.0.1:5000/udp
	local_service 127.0.0.1:5000/tcp
	local_service "[::1]:5000/udp"
	equal "UDP" "5001 30 5002 10" "$(ask balancer datagrams 127.0.0.1 5000 40)"
	equal "UDP of IPv6" "5001 30 5002 10" "$(ask balancer datagrams ::1 5000 40)"
	equal "TCP" "5001 30 5002 10" "$(ask balancer connections 127.0.0.1 5000 40)"
	config set-service "[::1]:5000/udp" --registration kernel
	config register "[::1]:5000/udp" --port 5002 --weight 3
	equal "registered" "5001 20 5002 20" "$(ask balancer datagrams ::1 5000 40)"
}

# The service's own port may be a listener's, and a listener's port another service's.
test_local_own_port() {
	box
	listeners 5000
	config set-backends $LOCAL/udp --forward local :5000,weight=3 :5001
	config set-backends $LOCAL/tcp --forward local :5000,weight=3 :5001
	config set-backends $VIP:5001/udp --forward local :5002
	equal "UDP" "5000 30 5001 10" "$(ask balancer datagrams $VIP 5000 40)"
	equal "TCP" "5000 30 5001 10" "$(ask balancer connections $VIP 5000 40)"
	equal "to the listener's port" "5002 40" "$(ask balancer datagrams $VIP 5001 40)"
}

# local_tcp HOST: its connections, and transfers.
local_tcp() {
	ADDRESS=$VIP HOST=$VIP
	http_start balancer backend1 8001
	local_service $LOCAL
	local_service "[$VIP6]:5000"
	config set-backends $VIP:8000 --forward local :8001
	equal "80 connections" "5001 60 5002 20" "$(ask "$1" connections $VIP 5000 80)"
	equal "80 of IPv6" "5001 60 5002 20" "$(ask "$1" connections $VIP6 5000 80)"
	equal "5 MB" backend1 "$(download "$1" http://$VIP:8000/big/5000000)"
	head -c 5000000 /dev/urandom >"$NET_DIR/file"
	equal "hash of an upload" "$(hash_of "$NET_DIR/file")" "$(upload "$1" http://$VIP:8000/ "$NET_DIR/file")"
}

test_local_tcp_lo() {
	box
	local_tcp balancer
}

test_local_tcp_wire() {
	wired
	config load eth0
	local_tcp client
}

test_local_schedulers() {
	local scheduler got
	wired
	config load eth0
	for scheduler in rr wrr lc wlc sh maglev p2c; do
		local_service $LOCAL/udp --scheduler $scheduler
		local_service $LOCAL/tcp --scheduler $scheduler
		[ -n "$(ask client datagrams $VIP 5000 64)" ] || fail "$scheduler of UDP: no answer"
		[ -n "$(ask client connections $VIP 5000 8)" ] || fail "$scheduler of TCP: no answer"
		[ $scheduler != rr ] || equal "rr" "5001 50 5002 50" "$(ask client datagrams $VIP 5000 100)"
	done
	# Those that remember keep a client with its listener. Source ports may come again.
	config flush
	local_service $LOCAL/udp --scheduler p2c
	got=$(ask client clients $VIP 5000 40)
	[[ $got == "5001 "*" 5002 "* ]] || fail "p2c: all 40 clients have $got"
	config flush
	local_service $LOCAL/udp --scheduler wlc
	equal "wlc" "5001 30 5002 10" "$(ask client clients $VIP 5000 40)"
	config flush
	local_service $LOCAL/udp --scheduler wrr --udp tracked
	equal "wrr, tracked" "5001 30 5002 10" "$(ask client clients $VIP 5000 40)"
	config flush
	local_service $LOCAL/udp --affinity client
	got=$(ask client clients $VIP 5000 40)
	[[ $got == "500"[12]" 40" ]] || fail "affinity: one client has $got"
}

# ---- what arrives --------------------------------------------------------------------------

# large HOST: datagrams that no frame holds.
large() {
	equal "4000 bytes" "5001 6 5002 2" "$(ask "$1" datagrams $VIP 5000 8 4000)"
	equal "60000 bytes" "5001 6 5002 2" "$(ask "$1" datagrams $VIP 5000 8 60000)"
	equal "4000 bytes of IPv6" "5001 6 5002 2" "$(ask "$1" datagrams $VIP6 5000 8 4000)"
	equal "60000 bytes of IPv6" "5001 6 5002 2" "$(ask "$1" datagrams $VIP6 5000 8 60000)"
}

test_local_sums() {
	wired
	config load eth0
	local_service $LOCAL/udp
	local_service "[$VIP6]:5000/udp"
	local_service $LOCAL/tcp
	ask client datagrams $VIP 5000 64 1023 >/dev/null
	ask client datagrams $VIP6 5000 64 1023 >/dev/null
	ask client connections $VIP 5000 8 >/dev/null
	large client
	equal "wrong checksums" 0 "$(bad_sums)"
}

test_local_large_lo() {
	box
	local_service $LOCAL/udp
	local_service "[$VIP6]:5000/udp"
	large balancer
	equal "wrong checksums" 0 "$(bad_sums)"
}

# As between containers: checksums are left to hardware that is not there, and so are large packets.
test_local_partial_sums() {
	wired
	in_ns client ethtool -K eth0 tx on >/dev/null
	in_ns balancer ethtool -K eth0 tx on >/dev/null
	in_ns switch ethtool -K client-eth0 tx on >/dev/null
	in_ns switch ethtool -K balancer-eth0 tx on >/dev/null
	config load eth0
	local_service "[$VIP6]:5000/udp"
	local_service $LOCAL/udp
	large client
	local_tcp client
	equal "wrong checksums" 0 "$(bad_sums)"
}

# refused_by HOST ADDRESS: nobody listens, which the client hears as if nobody did on the service's port.
refused_by() {
	local said status=0
	said=$(ask "$1" datagrams "$2" 5000 1 2>&1) || status=$?
	[[ $status != 0 && $said == *"Connection refused"* ]] || fail "UDP to $2 from $1: $said"
	status=0
	said=$(ask "$1" connections "$2" 5000 1 2>&1) || status=$?
	[[ $status != 0 && $said == *"Connection refused"* ]] || fail "TCP to $2 from $1: $said"
}

test_local_refused() {
	local address
	wired
	config load eth0 lo
	for address in $VIP "[$VIP6]"; do
		config set-backends "$address:5000/udp" --forward local :6001
		config set-backends "$address:5000/tcp" --forward local :6001
	done
	for address in $VIP $VIP6; do
		refused_by client $address
		refused_by balancer $address
	done
}

# A router on the way to the client takes less: the listener hears of it.
test_local_narrow_to_client() {
	topo_flat 0
	addresses
	in_ns client ip link del eth0
	ip netns del "${NET_PREFIX}client"
	far_router lan $FLAT.100/24 fd71::100/64
	route router $VIP $FLAT.10
	route router $VIP6 fd71::10
	route balancer 10.80.0.0/24 $FLAT.100
	route balancer fd80::/64 fd71::100
	far_host client
	http_start balancer backend1 8001
	config load eth0
	config set-backends $VIP:8000 --forward local :8001
	config set-backends "[$VIP6]:8000" --forward local :8001
	equal "5 MB" backend1 "$(download client http://$VIP:8000/big/5000000)"
	knows balancer 1400 10.80.0.2
	equal "5 MB of IPv6" backend1 "$(download client "http://[$VIP6]:8000/big/5000000")"
	knows balancer 1400 fd80::2
}

# ---- the program for replies -----------------------------------------------------------------

# egress IFACE: the filters there.
egress() {
	in_ns balancer tc filter show dev "$1" egress
}

# xdp-loader attaches but the one.
test_local_attach_replies() {
	wired
	attach eth0
	attach lo -m skb
	config set-backends -d eth0 $LOCAL/udp --forward local $PAIR
	! udp_ask client -t 0.5 $VIP 5000 x 2>/dev/null || fail "an answer without the program for replies"
	config attach-replies -d eth0
	equal "then" "5001 3 5002 1" "$(ask client datagrams $VIP 5000 4)"
	in_ns balancer tc qdisc del dev eth0 clsact
	! udp_ask client -t 0.5 $VIP 5000 x 2>/dev/null || fail "an answer when it is gone"
	config attach-replies -d eth0 eth0
	[ -n "$(ask client datagrams $VIP 5000 4)" ]
	config set-backends -d lo $LOCAL/udp --forward local $PAIR
	! udp_ask balancer -t 0.5 $VIP 5000 x 2>/dev/null || fail "an answer on lo"
	config attach-replies -d lo lo
	equal "on lo" "5001 3 5002 1" "$(ask balancer datagrams $VIP 5000 4)"
}

test_local_unload_tidies() {
	wired
	config load eth0 lo
	grep -q xdplb_replies <<<"$(egress eth0)" || fail "no filter at egress of eth0"
	grep -q xdplb_replies <<<"$(egress lo)" || fail "no filter at egress of lo"
	in_ns balancer tc filter add dev lo egress bpf bytecode '1,6 0 0 0' 
	config unload eth0 lo
	equal "qdiscs of eth0" "" "$(in_ns balancer tc qdisc show dev eth0 | grep clsact || true)"
	equal "filters of lo" 1 "$(egress lo | grep -c handle)"
	equal "of ours" "" "$(egress lo | grep xdplb || true)"
	equal "pins" "" "$(pins)"
	config load eth0
	local_service $LOCAL/udp
	equal "after the next load" "5001 3 5002 1" "$(ask client datagrams $VIP 5000 4)"
}

# Replies may leave where nothing comes in; and other tools may have taken the XDP program away.
test_local_unload_remains() {
	wired
	wire balancer eth1 lan 10.73.0.10/24
	wires_ready
	config load eth0
	config attach-replies eth0 eth1
	grep -q xdplb_replies <<<"$(egress eth1)" || fail "no filter at egress of eth1"
	config unload eth1
	equal "at egress of eth1" "" "$(egress eth1)"
	refused 1 "has no xdplb" unload eth1
	config attach-replies eth1
	config unload eth0
	equal "with the last interface" "" "$(egress eth1)"
	attach eth0
	config attach-replies
	in_ns balancer xdp-loader unload eth0 --all
	config unload eth0
	equal "after xdp-loader" "" "$(egress eth0)"
}

# Each datagram is answered while both programs are replaced.
test_local_replaced() {
	local i before
	wired
	config load eth0 lo
	local_service $LOCAL/udp
	steady client out
	steady balancer in
	before=$(egress eth0; egress lo)
	for ((i = 0; i < 3; i++)); do config load eth0 lo; done
	[ "$(egress eth0; egress lo)" != "$before" ] || fail "the programs for replies are the same"
	equal "filters" "1 1" "$(egress eth0 | grep -c handle) $(egress lo | grep -c handle)"
	finish in
	finish out
	[[ $(cat "$NET_DIR/in.out") == "0 of "* ]] || fail "on lo: $(cat "$NET_DIR/in.out")"
	[[ $(cat "$NET_DIR/out.out") == "0 of "* ]] || fail "over the wire: $(cat "$NET_DIR/out.out")"
}

# ---- changes ---------------------------------------------------------------------------------

# A listener that stays keeps its transfers, whatever becomes of the others.
test_local_changes() {
	local i
	wired
	ADDRESS=$VIP
	http_start balancer backend1 8001
	http_start balancer backend2 8002
	config load eth0
	config set-backends $VIP:8000 --forward local :8001 :8002
	running 3
	config set-backends $VIP:8000 :8002,weight=2 :8003 :8001
	config set-backends $VIP:8000 --scheduler lc :8001 :8002
	config drain $VIP:8000 :8001
	config set-service $VIP:8000 --registration kernel
	config set-service $VIP:8000 --registration off
	config load eth0
	for i in 1 2 3; do equal "new ones" backend2 "$(http_get client http://$VIP:8000/)"; done
	arrive 3
	equal "of both" "backend1 backend2" "$(cat "$NET_DIR"/held?.out | sort -u | xargs)"
	equal "waited" "0 flows left" "$(config drain $VIP:8000 :8001 --wait 10 | tail -n 1)"
	config del-service $VIP:8000
	! http_get client http://$VIP:8000/ 2>/dev/null || fail "an answer of a service that is no more"
	config set-backends $VIP:8000 --forward local :8001
	equal "again" backend1 "$(http_get client http://$VIP:8000/)"
	config flush
	equal "services" "[]" "$(config -j list | jq -c .)"
	! http_get client http://$VIP:8000/ 2>/dev/null || fail "an answer after flush"
}

# A listener whose every datagram might have gone elsewhere has nothing to wait for.
test_local_drain_each() {
	wired
	config load eth0
	local_service $LOCAL/udp
	ask client clients $VIP 5000 1 >/dev/null 2>&1 || true
	ask client datagrams $VIP 5000 40 >/dev/null
	equal "waited" "0 flows left" "$(config drain $LOCAL/udp :5001 --wait 5 | tail -n 1)"
	equal "the other has all" "5002 40" "$(ask client datagrams $VIP 5000 40)"
}

# What list, stats and flows say.
test_local_shown() {
	wired
	config load eth0
	local_service $LOCAL/udp
	local_service $LOCAL/tcp
	ask client datagrams $VIP 5000 400 >/dev/null
	ask client connections $VIP 5000 8 >/dev/null
	equal "list" "$LOCAL/tcp local $VIP:5001/3,$VIP:5002/1 $LOCAL/udp local $VIP:5001/3,$VIP:5002/1" \
		"$(config -j list | jq -r 'sort_by(.service)[] | "\(.service) \(.forward) " +
			([.backends[] | "\(.address):\(.port)/\(.weight)"] | join(","))' | xargs)"
	equal "stats of UDP" "400 400 1 300,300 100,100" "$(config -j stats $LOCAL/udp | jq -r '.services[] |
		"\(.packets) \(.reply_packets) \(.active_flows) " + ([.backends[] | "\(.packets),\(.reply_packets)"] | join(" "))')"
	equal "new flows of TCP" "8 6 2" "$(config -j stats $LOCAL/tcp | jq -r '.services[] |
		"\(.new_flows) " + ([.backends[].new_flows] | join(" "))')"
	equal "flows" "1 udp local" "$(config -j flows $LOCAL/udp | jq -r '"\(length) \(.[0].state) \(.[0].forward)"')"
	equal "of its client" "$FLAT.2" "$(config -j flows $LOCAL/udp | jq -r '.[0].client')"
}
