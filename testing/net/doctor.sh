# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# What doctor finds, and that typing what it says makes it go away.

# machine: a client, a balancer with the service's address and one backend elsewhere.
machine() {
	family 4
	topo_flat 1
	route client $ADDRESS/32 $FLAT.10
	in_ns balancer ip address add $ADDRESS/32 dev lo
}

# listeners PORT...: UDP on the balancer itself, each named after its port.
listeners() {
	local port
	for port; do udp_start balancer "on$port" "$port"; done
}

# local_service [OPTION|BACKEND]...: with listeners on 5001 and 5002.
local_service() {
	config set-backends --forward local $ADDRESS:5000/udp "$@"
}

# asks HOST: one datagram to the local service, and the name of who answers.
asks() {
	udp_ask "$1" -t 1 $ADDRESS 5000 hello
}

unanswered() {
	! asks "$1" >/dev/null 2>&1 || fail "$1 gets an answer"
}

test_doctor_nothing_found() {
	machine
	config load eth0 lo
	listeners 5001 5002
	udp_start backend1 backend1 5300
	local_service :5001,weight=2 :5002,state=up :5009,state=down
	config set-backends --forward local --registration kernel $ADDRESS:7000/udp
	config register $ADDRESS:7000/udp --port 5001
	config set-backends $FLAT.10:5300/udp $FLAT.11
	equal text "nothing found" "$(config doctor)"
	equal "beside others who look" "nothing found" \
		"$(in_ns balancer flock -s /run/xdplb.lock timeout 5 "$XDPLB_CONFIG" doctor)"
	equal "of lo" "nothing found" "$(config doctor lo)"
	equal "of pins" "nothing found" "$(config doctor -p $PINS)"
	equal JSON "[ ]" "$(config -j doctor eth0)"
	equal replies "true true" "$(config -j status | jq -r '[.balancers[].interfaces[].replies] | join(" ")')"
	[[ $(asks client) == on500?\ hello ]] || fail "the client gets no answer"
	equal "by nat" "backend1 hello" "$(udp_ask client $FLAT.10 5300 hello)"
}

# Nothing is handed to listeners here, so nothing on the way out is needed.
test_doctor_nat_alone() {
	machine
	attach eth0
	equal "without services" "nothing found" "$(config doctor)"
	config set-backends $FLAT.10:5300/udp $FLAT.11
	equal text "nothing found" "$(config doctor)"
}

# xdp-loader puts one program where two are needed.
replies_missing() {
	local lo=
	[ "$1" != lo ] || lo=yes
	listeners 5001
	attach "$1" "${@:3}"
	local_service :5001
	finds replies_missing
	equal replies false "$(config -j status | jq '.balancers[0].interfaces[0].replies')"
	[[ $(config status) == *"; replies: no"* ]] || fail "status does not show it"
	equal "ways to listeners" 0 "$(config -j status | jq '.balancers[0].ways_out | length')"
	unanswered "$2"
	equal text "$1: the program for replies is missing, so what listeners of $ADDRESS:5000/udp answer shows their own port${lo:+, and without a key none can register}
    xdplb-config attach-replies -d $1" "$(config doctor)"
	type_remedy replies_missing "xdplb-config attach-replies -d $1"
	finds
	equal answer "on5001 hello" "$(asks "$2")"
	[[ $(config status) == *"; replies: yes"* ]] || fail "status does not show it"
}

test_doctor_replies_missing() {
	machine
	replies_missing lo balancer -m skb
}

test_doctor_replies_missing_veth() {
	machine
	replies_missing eth0 client
}

test_doctor_replies_stale() {
	machine
	listeners 5001
	config load eth0
	in_ns balancer xdp-loader unload eth0 --all
	attach eth0
	local_service :5001
	finds replies_stale
	unanswered client
	type_remedy replies_stale "xdplb-config attach-replies -d eth0"
	finds
	equal answer "on5001 hello" "$(asks client)"
}

# Only what was asked for, with two interfaces of one balancer.
test_doctor_interface() {
	machine
	listeners 5001
	config load eth0 lo
	local_service :5001
	in_ns balancer tc qdisc del dev eth0 clsact
	equal "of lo" "nothing found" "$(config doctor lo)"
	equal "of eth0" eth0 "$(config -j doctor eth0 | jq -r '.[].subject')"
	finds replies_missing
}

test_doctor_address_missing() {
	machine
	family 6
	route client $ADDRESS/128 fd71::10
	config load eth0
	udp_start balancer on5001 5001
	config set-backends --forward local "$HOST:5000/udp" :5001
	config set-backends --forward local "$HOST:5500/udp" :5001
	finds address_missing
	unanswered client
	type_remedy address_missing "ip address add $ADDRESS/128 dev lo"
	finds
	equal answer "on5001 hello" "$(asks client)"
	family 4
	local_service :5001
	in_ns balancer ip address del $ADDRESS/32 dev lo
	type_remedy address_missing "ip address add $ADDRESS/32 dev lo"
	finds
}

test_doctor_listener_missing() {
	machine
	config load eth0 lo
	listeners 5001
	local_service :5001 :5002 :5003,state=backup :5004,state=drain
	finds listener_missing
	equal subject "$ADDRESS:5000/udp :5002" "$(found_as listener_missing subject)"
	type_remedy listener_missing "xdplb-config del-backend $ADDRESS:5000/udp :5002"
	finds
	config set-state $ADDRESS:5000/udp :5001 down
	finds listener_missing
	equal "backup now" "$ADDRESS:5000/udp :5003" "$(found_as listener_missing subject)"
	listeners 5003
	finds
	http_start balancer web 8001
	config set-backends --forward local $ADDRESS:80 :8001 :8002
	type_remedy listener_missing "xdplb-config del-backend $ADDRESS:80/tcp :8002"
	finds
}

# Listeners that registered and are gone without a word.
test_doctor_registered_missing() {
	machine
	config load eth0 lo
	config set registration-port=7000
	local_service --registration kernel :5001
	listeners 5001
	config register $ADDRESS:5000/udp --port 5006 --registration-port 7000
	finds listener_missing
	type_remedy listener_missing "xdplb-config register --goodbye $ADDRESS:5000/udp --port 5006 --registration-port 7000"
	finds
	config add-backend $ADDRESS:5000/udp :5007
	config register $ADDRESS:5000/udp --port 5007 --registration-port 7000
	type_remedy listener_missing "xdplb-config register --goodbye $ADDRESS:5000/udp --port 5007 --registration-port 7000"
	finds
	config set registration-port=7475
	echo 00112233445566778899aabbccddeeff >"$NET_DIR/key"
	config set-service $ADDRESS:5000/udp --registration-key "$NET_DIR/key"
	config register $ADDRESS:5000/udp --port 5008 --registration-key "$NET_DIR/key"
	equal "with a key" "xdplb-config register --goodbye $ADDRESS:5000/udp --port 5008 --registration-key FILE" \
		"$(found_as listener_missing remedy)"
}

# registers: a process on the balancer can.
registers() {
	config register $ADDRESS:5000/udp --port 5001
	finds
}

# lookups: how many namespaces have the program for socket lookups.
lookups() {
	find /sys/fs/bpf -maxdepth 1 -name "xdplb_lookup-*" | wc -l
}

test_doctor_lookup_missing() {
	machine
	listeners 5001
	attach lo -m skb
	local_service --registration kernel :5001
	type_remedy replies_missing "xdplb-config attach-replies -d lo"
	equal lookups 1 "$(lookups)"
	registers
	rm /sys/fs/bpf/xdplb_lookup-*
	finds lookup_missing
	echo 00112233445566778899aabbccddeeff >"$NET_DIR/key"
	config set-service $ADDRESS:5000/udp --registration-key "$NET_DIR/key"
	finds
	config set-service $ADDRESS:5000/udp --registration-key none
	type_remedy lookup_missing "xdplb-config attach-replies -d lo"
	finds
	in_ns balancer xdp-loader unload lo --all
	config load eth0 # which takes away what is left of another
	equal lookups 0 "$(lookups)"
	config load lo
	equal lookups 1 "$(lookups)"
	config unload lo
	equal lookups 0 "$(lookups)"
}

test_doctor_loopback_missing() {
	machine
	listeners 5001
	config load -p /sys/fs/bpf/mine eth0
	local_service -p /sys/fs/bpf/mine --registration kernel :5001
	equal remedy "xdplb-config load -p /sys/fs/bpf/mine lo" "$(config -j doctor -p /sys/fs/bpf/mine | jq -r '.[].remedy')"
	in_ns balancer env PATH="$TOP/loader:$PATH" xdplb-config load -p /sys/fs/bpf/mine lo
	registers
	echo 00112233445566778899aabbccddeeff >"$NET_DIR/key"
	config unload -p /sys/fs/bpf/mine lo
	type_remedy loopback_missing "xdplb-config load -p $PINS eth0 lo" # pins that it was not told of
	registers
	config set-service $ADDRESS:5000/udp --registration-from any --registration-key "$NET_DIR/key"
	config unload -p /sys/fs/bpf/mine lo
	finds
}

# What xdp-loader attached is pinned for lo's sake.
test_doctor_loopback_unpinned() {
	machine
	listeners 5001
	in_ns switch ethtool -K balancer-eth0 gro off # native mode would not do
	attach eth0 -m skb
	config attach-replies
	local_service --registration kernel :5001
	finds loopback_missing
	type_remedy loopback_missing "xdplb-config load -m skb -p $PINS eth0 lo"
	registers
}

# ... elsewhere than where another balancer is pinned.
test_doctor_loopback_other_pins() {
	machine
	listeners 5001
	config load eth0
	config unload --keep-maps eth0
	attach eth0
	config attach-replies
	local_service --registration kernel :5001
	type_remedy loopback_missing "xdplb-config load -p $PINS-eth0 eth0 lo"
	registers
}

test_doctor_registrar_missing() {
	machine
	listeners 5001
	config load eth0
	local_service --registration user :5001
	finds registrar_missing
	equal remedy "xdplb-config registrar $ADDRESS:5000/udp" "$(found_as registrar_missing remedy)"
	udp_start balancer registrar 7475
	finds
}

test_doctor_no_backend() {
	machine
	config load eth0 lo
	config set-backends $ADDRESS:80 $FLAT.11,state=down
	finds no_backend
	type_remedy no_backend "xdplb-config set-state $ADDRESS:80/tcp $FLAT.11:80 up"
	finds
	config del-backend $ADDRESS:80 $FLAT.11
	equal remedy "xdplb-config add-backend $ADDRESS:80/tcp ADDR:PORT" "$(found_as no_backend remedy)"
	config add-backend $ADDRESS:80 $FLAT.11:80,state=backup
	finds
}

# Registered listeners count, as long as they are there.
test_doctor_no_listener() {
	machine
	config load eth0 lo
	listeners 5001
	local_service --registration kernel
	finds no_backend
	equal remedy "xdplb-config register $ADDRESS:5000/udp --port PORT" "$(found_as no_backend remedy)"
	config register $ADDRESS:5000/udp --port 5001
	finds
	config register $ADDRESS:5000/udp --port 5001 --ttl 1
	eventually expired
	config add-backend $ADDRESS:5000/udp :5001
	finds
	config register $ADDRESS:5000/udp --port 5001
	finds
	config register $ADDRESS:5000/udp --port 5001 --goodbye
	type_remedy no_backend "xdplb-config set-state $ADDRESS:5000/udp :5001 up"
	finds
}

expired() {
	[ "$(config -j doctor | jq -r '.[].finding')" = no_backend ]
}

# Each is looked at, and the remedies say which they mean.
test_doctor_two_balancers() {
	machine
	listeners 5001
	attach lo -m skb
	attach eth0
	config set-backends -d lo --forward local $ADDRESS:5000/udp :5001 :5002
	config set-backends -d eth0 --forward local $ADDRESS:5000/udp :5001,state=down
	finds service_twice listener_missing replies_missing no_backend replies_missing
	equal "of eth0" "no_backend service_twice replies_missing" "$(config -j doctor eth0 | jq -r 'map(.finding) | join(" ")')"
	type_remedy listener_missing "xdplb-config del-backend -d lo $ADDRESS:5000/udp :5002"
	type_remedy no_backend "xdplb-config set-state -d eth0 $ADDRESS:5000/udp :5001 up"
	type_remedy replies_missing "xdplb-config attach-replies -d lo"
	type_remedy replies_missing "xdplb-config attach-replies -d eth0"
	finds
	equal client "on5001 hello" "$(asks client)"
	equal balancer "on5001 hello" "$(asks balancer)"
}

# cannot STATUS WORDS ARGUMENT...: look, and says so.
cannot() {
	local status=0 said
	said=$(config doctor "${@:3}" 2>&1) || status=$?
	equal "status of doctor ${*:3}" "$1" "$status"
	[[ $said == *"$2"* ]] || fail "doctor ${*:3} says: $said"
}

test_doctor_cannot_look() {
	machine
	cannot 1 "no interface has xdplb"
	cannot 1 "eth0: has no xdplb" eth0
	cannot 1 "eth7: no such interface" eth7
	config load eth0
	cannot 2 "give one of them" -d eth0 eth0
	cannot 2 "give one of them" -p $PINS eth0
	cannot 2 "one argument too many" eth0 lo
}
