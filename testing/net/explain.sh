# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# What explain tells of a packet, against what becomes of a real one; and that it leaves no trace.

# explained QUERY ARGUMENT...: what jq finds in the JSON.
explained() {
	config -j explain "${@:2}" | jq -r "$1"
}

# tells TEXT ARGUMENT...: the text has this.
tells() {
	config explain "${@:2}" >"$NET_DIR/told"
	grep -qF -e "$1" "$NET_DIR/told" || fail "explain ${*:2} does not say '$1': $(cat "$NET_DIR/told")"
}

test_explain_text() {
	between 4 2
	method nat $ARMED.11 $ARMED.12
	equal "the lines" "packet service flow backend method next before after verdict" \
		"$(config explain $HOST:8000 | cut -d ' ' -f 1 | xargs)"
	tells "eth0, TCP 203.0.113.7:40000 -> $HOST:8000, SYN, 54 bytes" $HOST:8000
	tells "$HOST:8000/tcp  wrr  nat" $HOST:8000
	tells "this packet begins one" $HOST:8000
	tells "$ARMED.11:8000 (weight 1, up), whose turn it is" $HOST:8000
	tells "redirect to eth1" $HOST:8000
	tells "UDP 10.72.0.2:99 -> $HOST:5300, 42 bytes" --src 10.72.0.2:99 $HOST:5300/udp
}

# ---- no trace ---------------------------------------------------------------------

tables() {
	in_ns balancer "$NET_PYTHON" "$HERE/tables.py" $PINS
}

# Two datagrams each of many clients' ports: flows that give way to no other.
CROWD='import socket, sys
for flow in [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(150)]:
    flow.connect((sys.argv[1], int(sys.argv[2])))
    flow.send(b"one\n"), flow.send(b"two\n")'

# Nobody but explain gets at the tables any more: the networks carry nothing.
silence() {
	in_ns switch ip link set clients down
	in_ns switch ip link set servers down
	ns_sysctl switch ipv6/conf/all/disable_ipv6 1
	sleep 0.3
}

# Whatever the packet, and also when there is no room for it, every byte of every table stays.
test_explain_leaves_no_trace() {
	local before stats port full=0
	family 4
	topo_two_armed 2
	echoes 2
	config load --flows 64 eth0 eth1
	config set-backends $HOST:7000/udp $ARMED.11 $ARMED.12
	config set-backends --forward dnat --affinity client $HOST:7000 $ARMED.11 $ARMED.12
	flows client -r 2 $ADDRESS 7000 3
	in_ns client "$NET_PYTHON" -c "$CROWD" $ADDRESS 7000
	silence
	before=$(tables) stats=$(config -j stats)
	for port in 1111 2222 3333 4444; do
		[ "$(explained .why.reason --src 10.72.0.2:$port $HOST:7000/udp)" != table_full ] || full=1
		config explain --src 10.72.0.2:$port --flags ACK $HOST:7000
	done
	config explain --iface eth1 $HOST:9
	equal "what differs" "" "$({ diff <(echo "$before") <(tables) || true; } | xargs)"
	equal stats "$stats" "$(config -j stats)"
	[ $full = 1 ] || fail "the table was not full"
}

# ---- as real packets --------------------------------------------------------------

# The flow of a connection that is there: the backend that it has, as often as it is asked.
test_explain_remembered() {
	local port i
	between 4 2
	method nat $ARMED.11 $ARMED.12
	config set-backends --scheduler rr $HOST:8000 $ARMED.11 $ARMED.12
	http_get client http://$HOST:8000/
	slow_download held $ADDRESS
	port=$(in_ns client ss -Htn state established | awk '{ sub(/.*:/, "", $3); print $3; exit }')
	for i in 1 2; do
		config -j explain --src 10.72.0.2:$port --flags ACK $HOST:8000 >"$NET_DIR/told"
		equal "what is told" "true established $ARMED.12 8000 redirect" \
			"$(jq -r '[.flow.remembered, .flow.state, .backend.address, .backend.port, .verdict.verdict] | join(" ")' "$NET_DIR/told")"
	done
	tells "as its packets before" --src 10.72.0.2:$port --flags ACK $HOST:8000
	tells ", ACK, 54 bytes" --src 10.72.0.2:$port $HOST:8000
	tells "as its packets before" --src 10.72.0.2:$port $HOST:8000
	tells ", SYN, 54 bytes" --src 10.72.0.2:$port --flags SYN $HOST:8000
	tells ", SYN, 54 bytes" --src 10.72.0.3:$port $HOST:8000
	finish held
	equal backend backend2 "$(cat "$NET_DIR/held.out")"
}

# maglev FAMILY: of many sources, who is told is who then answers.
maglev() {
	local port told got
	between "$1" 2
	config set-backends --scheduler maglev $HOST:8000 ${SERVERS}11 ${SERVERS}12
	for ((port = 20000; port < 20000 + $2; port++)); do
		told=$(explained .backend.address --src "${3/ADDRESS/$CLIENT}:$port" $HOST:8000)
		got=$(http_get client --local-port $port http://$HOST:8000/)
		equal "port $port" "${SERVERS}1${got#backend}" "$told"
		echo "$got" >>"$NET_DIR/got"
	done
	equal "how many answered" 2 "$(sort -u "$NET_DIR/got" | wc -l)"
}

test_explain_maglev() {
	maglev 4 20 ADDRESS
}

test_explain_maglev_ipv6() {
	maglev 6 8 "[ADDRESS]"
}

# Packets as a capture has them: one from a client, and the reply.
test_explain_capture() {
	needs tcpdump
	between 4 2
	method nat $ARMED.11 $ARMED.12
	capture client eth0 tcp port 8000
	capture backend1 eth0 tcp port 8000
	http_get client http://$HOST:8000/
	captured client >/dev/null
	captured backend1 >/dev/null
	tells "SYN," --pcap "$NET_DIR/client.pcap"
	tells "$ARMED.11:8000 (weight 1, up), as its packets before" --pcap "$NET_DIR/client.pcap" --packet 3
	tells "$ARMED.11:8000 (weight 1, up), whose reply it is" --iface eth1 --pcap "$NET_DIR/backend1.pcap" --packet 2
	tells "nat: becomes $HOST:8000 -> 10.72.0.2:" --iface eth1 --pcap "$NET_DIR/backend1.pcap" --packet 2
	tells "redirect to eth0" --iface eth1 --pcap "$NET_DIR/backend1.pcap" --packet 2
	refused 1 "packets, and no more" explain --pcap "$NET_DIR/client.pcap" --packet 9999
}

# Connections come and go, and services change, while it is asked.
test_explain_while_all_changes() {
	local i
	between 4 2
	method nat $ARMED.11 $ARMED.12
	background traffic many_requests
	background changes many_changes
	for ((i = 0; i < 8; i++)); do
		config -j explain --src 10.72.0.2:$((3000 + i)) $HOST:8000 >"$NET_DIR/told"
		equal "verdict of $i: $(jq -c . "$NET_DIR/told")" redirect "$(jq -r .verdict.verdict "$NET_DIR/told")"
	done
	finish traffic
	finish changes
}

many_requests() {
	while [ ! -e "$NET_DIR/traffic.go" ]; do http_get client http://$HOST:8000/ || return; done
}

many_changes() {
	local weight=1
	while [ ! -e "$NET_DIR/changes.go" ]; do
		config set-weight $HOST:8000 $ARMED.11 $((weight++)) || return
	done
}

# ---- why not ----------------------------------------------------------------------

# why REASON TEXT ARGUMENT...: it is dropped or passed for this, which is said with this.
why() {
	config -j explain "${@:3}" >"$NET_DIR/told"
	equal "reason of ${*:3}" "$1" "$(jq -r .why.reason "$NET_DIR/told")"
	grep -qF -e "$2" "$NET_DIR/told" || fail "explain ${*:3} does not say '$2': $(cat "$NET_DIR/told")"
}

test_explain_why() {
	family 4
	topo_flat 1
	attach eth0
	why null "never configured" $HOST:80
	config set-backends $HOST:80 $FLAT.11,state=down
	why no_backend "no backend that takes flows: 1 down" $HOST:80
	why null "at that address there is $HOST:80/tcp" $HOST:81
	why null "none at that address" $FLAT.10:80
	config set-backends $HOST:80 $FLAT.99
	why no_neighbour "$FLAT.99 has not answered ARP on eth0" $HOST:80
	config set-backends --forward dsr $HOST:80 $FLAT.11
	why bad_source "nobody can answer" --src 127.0.0.1 $HOST:80
	config set-backends $HOST:81 $FLAT.11
	why no_flow "no SYN" --flags ACK $HOST:81
	in_ns balancer ip route add $FLAT.11/32 dev eth0 mtu lock 1400
	sleep 1 # the way to a backend is asked for once a second
	tells "MTU 1400 about IPv4" --length 1450 $HOST:81
}

test_explain_no_encap() {
	family 4
	topo_flat 1
	config load --encap eth0
	config set-backends --forward ipip $HOST:80 $FLAT.11
	tells "ipip: wrapped, " $HOST:80
	config unload --keep-maps eth0
	in_ns balancer xdp-loader load -p $PINS eth0 "$OBJECT"
	why no_encap "xdplb-config load --encap eth0" $HOST:80
}

test_explain_local() {
	family 4
	topo_flat 0
	config load eth0 lo 2>/dev/null
	in_ns balancer ip address add $ADDRESS/32 dev lo
	config set-backends --forward local $HOST:80 :5001 2>/dev/null
	tells "eth0, TCP" $HOST:80
	tells "local: the port becomes 5001" $HOST:80
	tells "lo, TCP" --iface lo $HOST:80
	config set-backends --forward local 127.0.0.1:80 :5001 2>/dev/null
	tells "local: the port becomes 5001" --iface lo 127.0.0.1:80
}

# ---- what is refused --------------------------------------------------------------

test_explain_usage() {
	local pcap=$NET_DIR/x.pcap
	family 4
	small
	refused 2 "which packet" explain
	refused 2 "give one" explain --hex 00 $WEB
	refused 2 "--pcap FILE" explain --packet 2 $WEB
	refused 2 "of a packet to a SERVICE" explain --length 99 --hex 00
	refused 2 "UDP has none" explain --flags SYN $FLAT.10:53/udp
	refused 1 "XXX" explain --flags SYN,XXX $WEB
	refused 1 "--length 10" explain --length 10 $WEB
	refused 1 "70000" explain --length 70000 $WEB
	refused 1 "IPv4" explain --src 2001:db8::1 $WEB
	refused 1 "nowhere" explain --iface nowhere $WEB
	refused 1 "character 4" explain --hex "00 1g"
	refused 1 "1 bytes" explain --hex 00
	refused 1 "/nowhere" explain --pcap /nowhere
	refused 1 "$NET_DIR" explain --pcap "$NET_DIR"
	: >"$pcap"
	refused 1 "no capture" explain --pcap "$pcap"
	printf '\n\r\r\n0000' >"$pcap"
	refused 1 "pcapng" explain --pcap "$pcap"
	printf '\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x71\0\0\0' >"$pcap"
	refused 1 "link type is 113" explain --pcap "$pcap"
	printf '\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0xxxx' >"$pcap"
	refused 1 "ends in packet 1" explain --pcap "$pcap"
	in_ns balancer ip link add other type veth peer name end
	refused 1 "not on it" explain --iface other $WEB
	config load eth0 # which pins the tables
	config unload --keep-maps eth0
	refused 1 "on no interface" explain $WEB
}

# The program on the interface is another than the one that came with the command: of its ways that knows nothing.
test_explain_other_program() {
	small
	mkdir "$NET_DIR/loader" "$NET_DIR/xdp"
	cp "$XDPLB_CONFIG" "$NET_DIR/loader/"
	# Where it says that a packet passes, this one says that it is dropped.
	LC_ALL=C sed '0,/\xb4\x00\x00\x00\x02\x00\x00\x00/s//\xb4\x00\x00\x00\x01\x00\x00\x00/' "$OBJECT" >"$NET_DIR/xdp/xdplb.o"
	! cmp -s "$OBJECT" "$NET_DIR/xdp/xdplb.o" || fail "the object is the same"
	XDPLB_CONFIG=$NET_DIR/loader/xdplb-config
	refused 1 "not the one that came with" explain $WEB
}
