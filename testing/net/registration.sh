# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# Listeners that register themselves, and what others send to that port.

# shellcheck source=testing/net/local.sh
. "$HERE/local.sh"

SERVICE=$LOCAL/udp
KEY=000102030405060708090a0b0c0d0e0f

# registered [WORD...]: a box with listeners on 5001 to 5003, of which the first is the service's own backend.
registered() {
	host_add balancer
	addresses
	listeners -b $VIP 5001 5002 5003
	config load lo
	config set-backends $SERVICE --forward local --registration kernel "$@" :5001,weight=4
	echo $KEY >"$NET_DIR/key"
}

register() {
	config register "$@"
}

# spread_over COUNT: who answers so many datagrams.
spread_over() {
	ask balancer datagrams $VIP 5000 "$1"
}

# now: seconds, by the clock of listeners.py.
now() {
	"$NET_PYTHON" -c 'import time; print(time.monotonic())'
}

# drops REASON
drops() {
	stat_of .drops."$1"
}

# ---- coming and going ------------------------------------------------------------------------

test_register_by_command() {
	registered
	register $SERVICE --port 5002 --weight 3
	register $SERVICE --port 5003
	equal "all three" "5001 400 5002 300 5003 100" "$(spread_over 800)"
	register $SERVICE --port 5001 --weight 1
	equal "a backend that registers" "5001 100 5002 300 5003 100" "$(spread_over 500)"
	register $SERVICE --port 5003 --goodbye
	equal "after a goodbye" "5001 100 5002 300" "$(spread_over 400)"
	equal "listed" "5001 1 5002 3" "$(config -j list | jq -r '.[0].backends[] | "\(.port) \(.weight)"' | xargs)"
	equal "counted" "4 4" "$(stat_of .answers.registered) $(stat_of '.services[0].backends | length + 1')"
}

test_register_renews() {
	local process
	registered
	start balancer "$XDPLB_CONFIG" register $SERVICE --port 5002 --weight 4 --ttl 2 --renew
	process=$STARTED
	eventually serves 5002
	sleep 4.5
	equal "renewed" "5001 50 5002 50" "$(spread_over 100)"
	kill $process
	wait $process || fail "it ends with $?"
	equal "after its goodbye" "5001 100" "$(spread_over 100)"
}

# serves PORT: this listener gets a share.
serves() {
	[[ $(spread_over 20) == *"$1 "* ]]
}

# A listener is killed in mid-traffic, and nobody says goodbye for it: it is out when its lifetime is over, and not before.
test_register_expires() {
	local before after last first_refused
	registered
	listeners -b $VIP 5004
	steady balancer traffic
	before=$(now)
	register $SERVICE --port 5004 --weight 4 --ttl 2
	after=$(now)
	sleep 0.5
	kill $LISTENERS
	sleep 3
	finish traffic
	read -r first_refused last < <(awk '$2 == 0 { if (!first) first = $1; last = $1 } END { print first, last }' "$NET_DIR/traffic.go.log")
	[ -n "$last" ] || fail "it was not killed: nothing was refused"
	awk -v last="$last" -v first="$first_refused" -v before="$before" -v after="$after" '
		BEGIN { exit !(last > before + 1.9 && last < after + 2.1 && first < after + 1.1) }' ||
		fail "refused from $first_refused to $last, registered between $before and $after for 2 s"
	equal "then" "5001 40" "$(spread_over 40)"
}

# exact FROM TO SHARES: what was sent in that time (seconds of the log) went in whole rounds by these weights.
exact() {
	local total got
	total=$(tr ' ' '+' <<<"$3" | bc)
	got=$(awk -v from="$1" -v to="$2" '$4 >= from && $4 < to { print $3, $2 }' "$NET_DIR/traffic.go.log" | sort -n |
		awk -v total="$total" '{ who[NR] = $2 } END { for (i = 1; i <= int(NR / total) * total; i++) print who[i] }' |
		sort | uniq -c | awk '{ count[NR] = $1; if (!least || $1 < least) least = $1 }
			END { for (i = 1; i <= NR; i++) printf("%s ", count[i] / least); print least }')
	[[ $got == "$3 "* && ${got##* } -ge 5 ]] || fail "from $1 to $2: shares are '$got', not $3"
}

# A weight is halved under load: within 100 ms all is as it says.
test_register_weight_halved() {
	local began before after
	needs bc
	registered
	register $SERVICE --port 5002 --weight 4
	began=$(now)
	steady balancer traffic
	sleep 0.5
	before=$(now)
	register $SERVICE --port 5002 --weight 2
	after=$(now)
	sleep 0.7
	finish traffic
	equal "unanswered" 0 "$(cut -d ' ' -f 1 "$NET_DIR/traffic.out")"
	exact $began $before "1 1"
	exact "$(bc <<<"$after + 0.1")" 1e9 "2 1"
}

# share_of PORT COUNT: how many of so many datagrams it gets.
share_of() {
	spread_over "$2" | awk -v port="$1" '{ for (i = 1; i < NF; i += 2) if ($i == port) n = $(i + 1) } END { print n + 0 }'
}

# Who comes with a slow start gets a part of one client's datagrams, ever more of them.
test_register_slow_start() {
	local early late
	registered --slow-start 10
	equal "before" "5001 40" "$(spread_over 40)"
	register $SERVICE --port 5002 --weight 4
	sleep 1.2
	early=$(share_of 5002 400)
	sleep 2.5
	late=$(share_of 5002 400)
	[[ $early -gt 5 && $early -lt 170 && $late -gt $early && $late -lt 195 ]] || fail "$early and $late of 400"
	sleep 7
	equal "then" 200 "$(share_of 5002 400)"
}

# TCP: the UDP port of the same number says it; with common tools, as the manual shows.
test_register_shell() {
	local text
	needs socat xxd
	registered
	config set-backends $VIP:80 --forward local --registration kernel
	http_start balancer backend1 8080
	! http_get balancer --max-time 0.5 http://$VIP/ 2>/dev/null || fail "an answer without a listener"
	text=$(sed -n '/^\.Ss Shell/,/^\.Ss Python/p' "$TOP/man/xdplb-register.7" | sed -n '/^\$ echo/,/^\.Ed/{ s/^\$ //; s/\\e$/\\/; /^\.Ed/!p }')
	in_ns balancer sh -c "$text"
	equal "answer" backend1 "$(http_get balancer http://$VIP/)"
	equal "lifetime" true "$(config -j list $VIP:80 | jq '[.[0].backends[] | .. | numbers] | any(. > 3500 and . <= 3600)')"
}

# example: the manual's listener in Python, with the key's file elsewhere.
example() {
	sed -n '/^\.Ss Python/,/^\.Ss C/p' "$TOP/man/xdplb-register.7" |
		sed -n '/^\.Bd/,/^\.Ed/{ /^\./d; s/\\(ha/^/g; s/\\e/\\/g; p }' | sed "s|/etc/xdplb/key|$NET_DIR/key|"
}

# serves_and_ends PROCESS: what has registered 5004 with weight 4 and the key serves, and says goodbye when ended.
serves_and_ends() {
	eventually serves 5004
	equal "its share" "5001 50 5004 50" "$(spread_over 100)"
	kill "$1"
	wait "$1" || fail "it ends with $?: $(tail -n 1 "$NET_DIR/balancer.log")"
	equal "after its goodbye" "5001 100" "$(spread_over 100)"
	equal "refused" "0 0" "$(drops registration_key) $(drops registration_replay)"
}

test_register_example_python() {
	registered --registration-key <(echo $KEY)
	example | sed 's/, 5001, 10, 30/, 5004, 4, 3/; s/listener.sendto(data, client)/listener.sendto(b"5004 %s %d " % (client[0].encode(), client[1]) + data, client)/' >"$NET_DIR/example.py"
	start balancer "$NET_PYTHON" "$NET_DIR/example.py"
	serves_and_ends $STARTED
}

# It echoes just what was said. Its weight follows the load of the machine: thousands, against 4.
echoes() {
	[ "$(in_ns balancer socat -t 0.2 - UDP4:$VIP:5000 <<<"0123456789")" = 0123456789 ]
}

test_register_example_c() {
	local process
	needs cc
	cc -O2 -Wall -Wextra -o "$NET_DIR/load-average" "$TOP/client/load-average.c"
	registered --registration-key <(echo $KEY)
	config set-backends $SERVICE :5001
	start balancer "$NET_DIR/load-average" $SERVICE 5004 65535 "$NET_DIR/key"
	process=$STARTED
	eventually listed 5004
	eventually echoes
	kill $process
	wait $process || fail "it ends with $?"
	equal "after its goodbye" "5001 100" "$(spread_over 100)"
}

# listed PORT
listed() {
	config -j list | jq -e --argjson port "$1" 'any(.[0].backends[]; .port == $port)' >/dev/null
}

# ---- who may ------------------------------------------------------------------------------------

# unheard COMMAND...: it registers nobody and says so.
unheard() {
	local said status=0
	said=$("$@" 2>&1) || status=$?
	[[ $status = 1 && $said == *@("no answer"|"nobody takes registrations")* ]] || fail "status $status: $said"
}

test_register_key() {
	local i
	registered
	config set-service $SERVICE --registration-key "$NET_DIR/key"
	echo 0f${KEY:2} >"$NET_DIR/other"
	unheard register $SERVICE --port 5002
	unheard register $SERVICE --port 5002 --registration-key "$NET_DIR/other"
	[ "$(drops registration_key)" -ge 2 ] || fail "drops: $(drops registration_key)"
	equal "nobody came" "5001 20" "$(spread_over 20)"
	register $SERVICE --port 5002 --weight 4 --registration-key "$NET_DIR/key"
	equal "with the key" "5001 10 5002 10" "$(spread_over 20)"
	# The same message again, from the same port.
	example | sed '/^SERVICE/,$d' >"$NET_DIR/message.py"
	cat >>"$NET_DIR/message.py" <<-END
		sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		sender.bind(("", 5005))
		first = message(1, ("$VIP", 5000, 17), 5005, 4, 30, time.time_ns(), 0, bytes.fromhex("$KEY"))
		bye = message(2, ("$VIP", 5000, 17), 5005, 0, 0, time.time_ns(), 0, bytes.fromhex("$KEY"))
		for one in first, bye, first, bye, first:
		    sender.sendto(one, ("$VIP", 7475))
	END
	in_ns balancer "$NET_PYTHON" "$NET_DIR/message.py"
	equal "replays" 3 "$(drops registration_replay)"
	equal "nobody came by that" "5001 10 5002 10" "$(spread_over 20)"
	# A clock that is far ahead, until there is another key.
	sed '/^sender = /,$d' "$NET_DIR/message.py" >"$NET_DIR/ahead.py"
	cat >>"$NET_DIR/ahead.py" <<-END
		sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		sender.bind(("", 5005))
		ahead = message(1, ("$VIP", 5000, 17), 5005, 4, 30, 4102444800 * 10**9, 0, bytes.fromhex("$KEY"))
		sender.sendto(ahead, ("$VIP", 7475))
	END
	in_ns balancer "$NET_PYTHON" "$NET_DIR/ahead.py"
	unheard register $SERVICE --port 5005 --registration-key "$NET_DIR/key"
	config set-service $SERVICE --registration-key "$NET_DIR/other"
	register $SERVICE --port 5005 --goodbye --registration-key "$NET_DIR/other"
	config set-service $SERVICE --registration-key none
	register $SERVICE --port 5002 --weight 4
}

# forge USER WORD...: what forger.py does, by this user.
forge() {
	in_ns balancer setpriv --reuid "$1" --regid "$1" --clear-groups "$NET_PYTHON" - "${@:2}" <"$HERE/forger.py"
}

# services_of_all: of both families and protocols, with a listener of UDP and TCP on 5001.
services_of_all() {
	local address
	registered
	listeners -b $VIP6 5001 5002
	in_ns balancer ip address add fd00::1/128 dev lo nodad
	for address in $VIP "[$VIP6]"; do
		config set-backends "$address:5000/udp" --forward local --registration "${1:-kernel}" :5001,weight=4
		config set-backends "$address:5000/tcp" --forward local --registration "${1:-kernel}" :5001,weight=4
	done
}

# Nobody speaks for another's port, who has it at another address, or where it is free to him for UDP.
test_register_forged() {
	local user
	services_of_all
	http_start balancer web 8080
	for user in 65534 0; do
		forge $user bound 127.0.0.1 $VIP 5001 17 60000
		forge $user bound 127.0.0.1 $VIP 5001 17 0
		forge $user bound fd00::1 $VIP6 5001 17 60000
	done
	forge 65534 bound $VIP $VIP 8080 6 60000
	forge 65534 bound $VIP6 $VIP6 8080 6 60000
	equal "denied" 8 "$(drops registration_denied)"
	equal "accepted" 0 "$(stat_of .answers.registered)"
	equal "by IPv4" "5001 8" "$(ask balancer datagrams $VIP 5000 8)"
	forge 65534 bound $VIP $VIP 5006 17 4
	forge 65534 bound $VIP $VIP 5007 17 4
	forge 65534 bound $VIP6 $VIP6 5007 17 4
	forge 65534 bound $VIP $VIP 8081 6 4
	forge 0 bound $VIP $VIP 8080 6 4
	forge 0 bound $VIP6 $VIP6 8080 6 4
	for user in 65534 0; do # who may be told by everybody what to say
		forge $user bound 0.0.0.0 $VIP 5008 17 4
		forge $user bound :: $VIP6 5008 17 4
	done
	forge 65534 sealed $VIP 5010 17 4
	forge 65534 sealed $VIP6 5010 17 4
	equal "seals of before" 14 "$(drops registration_denied)"
	equal "accepted of who may" 6 "$(stat_of .answers.registered)"
	equal "denied then" 14 "$(drops registration_denied)"
	config set-service $SERVICE --registration-key "$NET_DIR/key"
	forge 65534 bound 127.0.0.1 $VIP 5001 17 60000
	equal "with a key that says it" "14 1" "$(drops registration_denied) $(drops registration_key)"
}

# What a user has registered no other changes, however he came to the port.
test_register_owned() {
	local address
	services_of_all
	wire_alone balancer eth5
	for address in $VIP $VIP6; do
		forge 1000 bound $address $address 6001 17 4
		forge 1001 bound $address $address 6001 17 60000
		forge 1001 bound $address $address 6001 17 0
		forge 1000 bound $address $address 6001 17 5
		forge 1001 device eth5 $address 6001 17 60000
		forge 1001 device lo $address 6001 17 60000
		forge 0 bound $address $address 6001 17 6
		forge 1001 bound $address $address 6001 17 60000
	done
	equal "denied" 10 "$(drops registration_denied)"
	equal "weights" "6 6" "$(config -j list | jq -r '[.[].backends[] | select(.port == 6001) | .weight] | join(" ")')"
	config set-backends $VIP:5000/tcp --registration kernel :5001,weight=4
	for address in 17 6; do
		forge 1000 bound $VIP $VIP 6001 $address 0
		forge 1001 bound $VIP $VIP 6001 $address 7
		forge 1001 bound $VIP $VIP 6001 $address 0
		forge 1000 bound $VIP $VIP 6001 $address 7
	done
	equal "after a goodbye" 10 "$(drops registration_denied)"
}

# wire_alone HOST IFACE: an interface that leads nowhere.
wire_alone() {
	in_ns "$1" ip link add "$2" type veth peer name "$2-end"
	in_ns "$1" ip link set "$2" up
}

# A listener that echoes is not made to say what another wants, from here or, by IPv6, from elsewhere.
test_register_mirrored() {
	local address
	wired
	config load eth0 lo
	echoing
	for address in $VIP "[$VIP6]"; do
		config set-backends "$address:5000/udp" --forward local --registration kernel :5001
		register "$address:5000/udp" --port 5003 --weight 4 --ttl 300
	done
	for address in $VIP $VIP6; do
		forge 65534 mirror $address 5003 17 60000
	done
	equal "from here" 2 "$(drops registration_denied)"
	impostor plain eth0 3
	equal "weights" "4 4" "$(weights 5003)"
}

# ... by no way that the balancer does not see, nor in a frame that it does not read.
test_register_mirrored_unseen() {
	wired
	switch_add other
	wire client eth1 other fd75::2/64
	wire balancer eth1 other fd75::10/64
	wires_ready
	config load eth0 lo
	echoing
	config set-backends "[$VIP6]:5000/udp" --forward local --registration kernel :5001
	register "[$VIP6]:5000/udp" --port 5003 --weight 4 --ttl 300
	impostor plain eth1 1
	impostor many eth0 2
	impostor headers eth0 3
	impostor group eth1 4 5004
	equal "weights" 4 "$(weights 5003)$(weights 5004)"
	# The test can fail.
	rm /sys/fs/bpf/xdplb_lookup-*
	impostor plain eth1 4
	eventually weight_is 60000
	# A load brings back what is missing.
	config load lo
	register "[$VIP6]:5000/udp" --port 5003 --weight 4 --ttl 300
	impostor plain eth1 5
	equal "weights" 4 "$(weights 5003)"
}

# ... nor by what is sent to many, which comes round without being asked, and reaches who is bound to any address.
test_register_mirrored_to_many() {
	local to count=0
	wired
	config load eth0 lo
	echoing
	for address in $VIP "[$VIP6]"; do
		config set-backends "$address:5000/udp" --forward local --registration kernel :5001
	done
	for to in 224.0.0.1 $FLAT.255 255.255.255.255 ff02::1 ff01::1; do
		count=$((count + 1))
		if [[ $to == *:* ]]; then
			forge 65534 many eth0 "$to" $VIP6 5004 17 60000
		else
			forge 65534 many eth0 "$to" $VIP 5004 17 60000
		fi
		eventually drops_are registration_denied $count
	done
	start balancer socat UDP4-LISTEN:5005,fork PIPE
	start balancer socat UDP6-LISTEN:5005,fork,ipv6only PIPE
	eventually echoing_by 6
	forge 65534 many eth0 224.0.0.1 $VIP 5005 17 60000 # which it connects to, and so to an address
	eventually drops_are registration_denied 6
	forge 65534 many eth0 ff02::1 $VIP6 5005 17 60000
	eventually drops_are registration_denied 7
	equal "weights" "" "$(weights 5004)$(weights 5005)"
}

# Who was at the port before its listener came, at another address.
test_register_parked() {
	local address count=0
	services_of_all
	mkfifo "$NET_DIR/go"
	for address in $VIP $VIP6; do
		count=$((count + 1))
		background parked forge_when_told 1001 parked $address 5011 17 60000
		eventually is_ready parked
		background owner hold_port $address 5011
		eventually is_ready owner
		echo >"$NET_DIR/go"
		eventually drops_are registration_denied $count
		joined parked
		touch "$NET_DIR/released"
		joined owner
		rm "$NET_DIR/released" "$NET_DIR/owner.out" "$NET_DIR/parked.out"
	done
	equal "accepted" 0 "$(stat_of .answers.registered)"
}

# hold_port ADDRESS PORT: by UDP, until the file "released" is there.
hold_port() {
	in_ns balancer "$NET_PYTHON" - "$@" <<-END
		import os, socket, sys, time
		address, port = sys.argv[1:]
		holder = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
		holder.bind((address, int(port)))
		print("ready", flush=True)
		while not os.path.exists("$NET_DIR/released"):
		    time.sleep(0.05)
	END
}

# echoing: listeners that answer with what they are told, on UDP ports 5003, of the services' addresses, and 5004, of any.
echoing() {
	cat >"$NET_DIR/echo.py" <<-END
		import socket, threading
		def serve(family, address, port):
		    listener = socket.socket(family, socket.SOCK_DGRAM)
		    if family == socket.AF_INET6:
		        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
		    listener.bind((address, port))
		    while True:
		        listener.sendto(*listener.recvfrom(65535))
		for own in (("$VIP", 5003), ("$VIP6", 5003), ("0.0.0.0", 5004), ("::", 5004)):
		    family = socket.AF_INET6 if ":" in own[0] else socket.AF_INET
		    threading.Thread(target=serve, args=(family, *own)).start()
	END
	start balancer "$NET_PYTHON" "$NET_DIR/echo.py"
	listens balancer udp 5003
	eventually echoing_by 4
}

# echoing_by COUNT: so many sockets.
echoing_by() {
	[ "$(in_ns balancer ss -Hlnu | grep -cE ":500[345] ")" = "$1" ]
}

# impostor HOW INTERFACE DROPS [PORT]: what another machine tells the listener that echoes; so many are denied then.
impostor() {
	local mac
	mac=$(in_ns balancer ip -j link show "$2" | jq -r '.[].address')
	in_ns client "$NET_PYTHON" "$HERE/impostor.py" "$1" "$2" "$mac" $VIP6 "${4:-5003}"
	eventually drops_are registration_denied "$3"
}

# weights PORT: of the listeners there.
weights() {
	config -j list | jq -r "[.[].backends[] | select(.port == $1) | .weight] | join(\" \")"
}

# weight_is WEIGHT: of the one on port 5003.
weight_is() {
	[ "$(weights 5003)" = "$1" ]
}

# drops_are REASON COUNT
drops_are() {
	[ "$(drops "$1")" = "$2" ]
}

# A table that has no room for a flow more is no reason to take a registration for a reply.
test_register_table_full() {
	host_add balancer
	addresses
	listeners -b $VIP 5001 5002
	config load --flows 64 lo
	config set-backends $SERVICE --forward local --registration kernel :5001
	ask balancer clients $VIP 5000 400 >/dev/null 2>&1 || true
	register $SERVICE --port 5002 --weight 3
	register $SERVICE --port 5002 --weight 1
	equal "refused" 0 "$(drops registration_denied)"
	equal "both" "5001 4 5002 4" "$(spread_over 8)"
	register $SERVICE --port 5002 --goodbye
}

# Where nobody looks at who sends, nobody is believed.
test_register_unwatched() {
	host_add balancer
	addresses
	listeners -b $VIP 5001 5002
	attach lo -m skb
	config set-backends $SERVICE --forward local --registration kernel :5001
	unheard register $SERVICE --port 5002
	equal "denied" 3 "$(drops registration_denied)"
	config attach-replies -d lo
	register $SERVICE --port 5002
	equal "then" "5001 4 5002 4" "$(spread_over 8)"
}

# Whoever holds the port of TCP before its listener comes back does not speak for it.
test_register_connecting() {
	local address port=8080
	services_of_all
	for address in $VIP $VIP6; do
		port=$((port + 1))
		mkfifo "$NET_DIR/go"
		background forger forge_when_told 65534 connecting $address $port 6 60000
		eventually is_ready forger
		http_start balancer web $port
		echo >"$NET_DIR/go"
		wait "$JOB_forger" || fail "$(cat "$NET_DIR/forger.err")"
		rm "$NET_DIR/go"
	done
	equal "denied" "2 0" "$(drops registration_denied) $(stat_of .answers.registered)"
}

# is_ready NAME: it says so.
is_ready() {
	grep -qs ready "$NET_DIR/$1.out"
}

# forge_when_told WORD...: forger.py reads the fifo `go`.
forge_when_told() {
	forge "$@" 3<>"$NET_DIR/go"
}

# A process that takes registrations is not told by what lies behind another datagram.
test_registrar_segments() {
	services_of_all user
	start balancer "$XDPLB_CONFIG" registrar
	listens balancer udp 7475
	forge 65534 segments 127.0.0.1 $VIP 5001 17 60000
	forge 65534 segments fd00::1 $VIP6 5001 17 60000
	forge 65534 behind $VIP 5012 17 60000
	forge 65534 behind $VIP6 5012 17 60000
	forge 65534 bound $VIP $VIP 5007 17 3
	eventually grep -q "5007 weight 3" "$NET_DIR/balancer.log"
	equal "taken" 1 "$(grep -c " weight " "$NET_DIR/balancer.log")"
	equal "refused on their way" 4 "$(drops registration_denied)"
}

test_register_elsewhere() {
	wired
	config load eth0 lo
	config set-backends $SERVICE --forward local --registration kernel :5001
	echo $KEY >"$NET_DIR/key"
	unheard in_ns client "$XDPLB_CONFIG" register $SERVICE --port 5002
	[ "$(drops registration_denied)" -ge 1 ] || fail "no drop is counted"
	equal "nobody came" "5001 20" "$(ask client datagrams $VIP 5000 20)"
	config set-service $SERVICE --registration-from any --registration-key "$NET_DIR/key"
	unheard in_ns client "$XDPLB_CONFIG" register $SERVICE --port 5002
	in_ns client "$XDPLB_CONFIG" register $SERVICE --port 5002 --registration-key "$NET_DIR/key"
	equal "both" "5001 10 5002 10" "$(ask client datagrams $VIP 5000 20)"
	config set registration-port=9999
	unheard register $SERVICE --port 5002 --registration-key "$NET_DIR/key"
	register $SERVICE --port 5002 --registration-key "$NET_DIR/key" --registration-port 9999
}

# The operator's word goes before the listener's.
test_register_states() {
	registered
	register $SERVICE --port 5001 --weight 1
	register $SERVICE --port 5002 --weight 1
	config set-state $SERVICE :5001 down
	equal "down" "5002 20" "$(spread_over 20)"
	register $SERVICE --port 5001 --weight 9
	equal "still down" "5002 20" "$(spread_over 20)"
	config set-state $SERVICE :5001 up
	register $SERVICE --port 5001 --weight 1
	equal "up" "5001 10 5002 10" "$(spread_over 20)"
	config set-state $SERVICE :5002 down
	register $SERVICE --port 5002 --weight 1
	equal "who had only registered" "5001 20" "$(spread_over 20)"
	config set-state $SERVICE :5002 up
	equal "and is up" "5001 10 5002 10" "$(spread_over 20)"
}

# What has registered is gone at once, and a backend that was taken over is the operator's again.
test_register_off() {
	registered
	register $SERVICE --port 5001 --weight 1
	register $SERVICE --port 5001 --goodbye
	register $SERVICE --port 5002
	equal "on" "5002 20" "$(spread_over 20)"
	config set-service $SERVICE --registration off
	unheard register $SERVICE --port 5003
	equal "off" "5001 20" "$(spread_over 20)"
	equal "listed" "null 5001" "$(config -j list | jq -r '.[0] | "\(.registration) " + ([.backends[].port | tostring] | join(" "))')"
	config set-service $SERVICE --registration kernel
	equal "on again" "5001 20" "$(spread_over 20)"
	register $SERVICE --port 5002 --weight 4
	equal "and registered" "5001 10 5002 10" "$(spread_over 20)"
	config del-service $SERVICE
	unheard register $SERVICE --port 5002
}

# A listener that says goodbye keeps the connections that it has, for its lifetime; new ones go to others.
test_register_goodbye_tcp() {
	local backends
	wired
	config load eth0 lo
	http_start balancer on5003 5003
	for backends in ":5001,state=backup" ":5001,state=backup :5003"; do
		config set-backends $VIP:8000/tcp --forward local --registration kernel $backends
		register $VIP:8000/tcp --port 5003 --ttl 300
		slow_download held $VIP
		register $VIP:8000/tcp --port 5003 --goodbye
		config set-backends $VIP:8001/tcp --forward local :5002 # another service's change
		equal "new ones" "5001 20" "$(ask client connections $VIP 8000 20)"
		finish held
	done
	config set-backends $VIP:8000/tcp --forward local :5001,state=backup
	register $VIP:8000/tcp --port 5003 --ttl 300
	slow_download outlived $VIP
	register $VIP:8000/tcp --port 5003 --ttl 5
	register $VIP:8000/tcp --port 5003 --goodbye
	sleep 5.1
	touch "$NET_DIR/outlived.go"
	! wait "$JOB_outlived" || fail "a connection outlives its listener's lifetime"
}

# A service that is gone leaves its listeners' ports to others, though its flows are remembered yet.
test_register_port_left() {
	local i
	registered
	config del-service $SERVICE
	for i in 1 2 3 4 5 6; do
		config set-backends $SERVICE --forward local --registration kernel :5001
		equal "round $i" "5001 4" "$(ask balancer datagrams $VIP 5000 4)"
		register $SERVICE --port 5002
		equal "round $i, registered" "5001 4 5002 4" "$(ask balancer datagrams $VIP 5000 8)"
		config del-service $SERVICE
	done
}

# Whose lifetime is over, or who said goodbye, leaves the port to others.
test_register_port_over() {
	local i
	registered
	config del-service $SERVICE
	for i in 1 2 3 4 5; do
		config set-backends $VIP:600$i/udp --forward local --registration kernel
	done
	for i in 1 2 3 4; do
		register $VIP:600$i/udp --port 5001 --ttl 300
	done
	unheard register $VIP:6005/udp --port 5001
	register $VIP:6001/udp --port 5001 --goodbye
	register $VIP:6005/udp --port 5001 --ttl 300
	equal "the fifth" "5001 4" "$(ask balancer datagrams $VIP 6005 4)"
	unheard register $VIP:6001/udp --port 5001
	for i in 2 3 4; do
		register $VIP:600$i/udp --port 5001 --ttl 1
	done
	sleep 1.1
	register $VIP:6001/udp --port 5001
	equal "the first again" "5001 4" "$(ask balancer datagrams $VIP 6001 4)"
	config set-backends $VIP:6002/udp --forward local :5001
	equal "a named one" "5001 4" "$(ask balancer datagrams $VIP 6002 4)"
}

# Five services have listeners on one port: of the last one's, replies could not be told.
test_register_port_shared() {
	local i
	registered
	for i in 1 2 3 4; do
		config set-backends $VIP:600$i/udp --forward local --registration kernel :700$i
		[ $i = 4 ] || register $VIP:600$i/udp --port 5001
	done
	unheard register $VIP:6004/udp --port 5001
	[ "$(drops registration_full)" -ge 1 ] || fail "no drop is counted"
	register $VIP:6004/udp --port 5002
	config set-state $SERVICE :5001 down
	config del-service $VIP:6001/udp
	register $VIP:6004/udp --port 5001
}

test_register_port_is_no_service() {
	registered
	refused 1 7475/udp set-backends $VIP:7475/udp --forward local :5001
	config set-backends $VIP:7475/tcp --forward local :5001
	config set-backends $VIP:6000/udp --forward local :5001
	refused 1 6000/udp set registration-port=6000
	config set registration-port=6001
	config set-service $SERVICE --registration off
	config set-backends $VIP:6001/udp --forward local :5001
	refused 1 6001/udp set-service $SERVICE --registration kernel
}

# registering FIRST LAST SECONDS: a listener on each of these ports registers.
registering() {
	example | sed '/^SERVICE/,$d' >"$NET_DIR/message.py"
	cat >>"$NET_DIR/message.py" <<-END
		for port in range($1, $2 + 1):
		    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
		        sender.bind(("$VIP", port))
		        sender.sendto(message(1, ("$VIP", 5000, 17), port, 4, $3), ("$VIP", 7475))
	END
	in_ns balancer "$NET_PYTHON" "$NET_DIR/message.py"
}

# 256 fit; when they have gone, others can come.
test_register_full() {
	registered
	registering 20000 20299 5
	equal "refused" 44 "$(drops registration_full)"
	sleep 5.1
	equal "when they have gone" "5001 40" "$(spread_over 40)"
	registering 20300 20310 1
	register $SERVICE --port 5002 --weight 4
	equal "still" 44 "$(drops registration_full)"
	sleep 1.1
	equal "others" "5001 20 5002 20" "$(spread_over 40)"
	equal "listed" "5001 5002" "$(config -j list | jq -r '[.[0].backends[].port] | join(" ")')"
	equal "counted, of all" 80 "$(stat_of .services[0].reply_packets)"
}

# ---- garbage ------------------------------------------------------------------------------------

# garbage KIND COUNT [PORT]: nanoseconds each.
garbage() {
	in_ns balancer "$NET_DIR/garbage" "$1" $VIP "${3:-7475}" "$2" 5000
}

# costs KIND ROUNDS COUNT: that many rounds of COUNT, and of as many datagrams that are dropped, in turn: the quickest of
# each is what nobody else's work was charged to.
costs() {
	local kind=$1 round cost plain=0 least=0
	for ((round = 0; round < $2; round++)); do
		cost=$(garbage random "$3" 5999)
		[ $plain -gt 0 ] && [ $plain -lt "$cost" ] || plain=$cost
		cost=$(garbage "$kind" "$3")
		[ $least -gt 0 ] && [ $least -lt "$cost" ] || least=$cost
	done
	echo "$kind: $least ns, a plain drop $plain" >&2
	[ $least -lt $((4 * plain)) ] || fail "$kind: $least ns each, where a drop takes $plain"
}

# A million of them change nothing, are counted, and cost about what any datagram does that is dropped.
test_register_garbage() {
	local kind
	needs cc
	cc -O2 -o "$NET_DIR/garbage" "$HERE/garbage.c"
	registered
	config set-backends $VIP:5999/udp --forward local :5001,state=down
	register $SERVICE --port 5002 --weight 4 --ttl 300
	steady balancer traffic 5
	for kind in random short other; do costs $kind 6 50000; done
	config set-service $SERVICE --registration-key "$NET_DIR/key"
	costs forged 10 10000
	equal "of a service without backends" 1000000 "$(drops no_backend)"
	equal "counted" "600000 300000 100000" \
		"$(drops registration_malformed) $(drops registration_denied) $(drops registration_key)"
	finish traffic
	equal "unanswered" 0 "$(cut -d ' ' -f 1 "$NET_DIR/traffic.out")"
	equal "as before" "5001 50 5002 50" "$(spread_over 100)"
}
