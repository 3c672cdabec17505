# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# What `monitor` shows: a line an event, at once.

VIP=192.0.2.1
ECHO=$VIP:5000/udp

# on_lo: a balancer on lo, with the service's address.
on_lo() {
	host_add balancer
	in_ns balancer ip address add $VIP/32 dev lo
	config load lo
}

# monitors NAME ARGUMENT...: a monitor whose lines go to NET_DIR/NAME.out; returns when the program is told of it.
monitors() {
	watched_no_more
	background "$1" nsenter --net=/run/netns/${NET_PREFIX}balancer "$XDPLB_CONFIG" monitor "${@:2}"
	eventually is_watched
}

# watched_until: the second in the balancer's configuration; see struct xdplb_config.
watched_until() {
	bpftool -j map dump pinned $PINS/xdplb_config | jq '.[0].formatted.value.watched_until'
}

is_watched() {
	[ "$(watched_until)" -gt "$(cut -d . -f 1 /proc/uptime)" ]
}

# A monitor that was killed leaves a time that runs out.
watched_no_more() {
	within 8 is_forgotten
}

is_forgotten() {
	! is_watched
}

# showed NAME LINE: that line alone, sooner or later.
showed() {
	eventually has_line "$1" "$2"
}

has_line() {
	grep -qxF -e "$2" "$NET_DIR/$1.out"
}

# lines NAME [FILTER]: how many.
lines() {
	grep -c -e "${2:-.}" "$NET_DIR/$1.out" || true
}

# ended NAME [SIGNAL]: it ends at once, with status 0, having said nothing but events.
ended() {
	local job=JOB_$1
	kill "-${2:-TERM}" "${!job}"
	joined "$1"
	equal "what $1 said" "" "$(cat "$NET_DIR/$1.err")"
}

# say FROM-PORT: a datagram to the service on lo, from its own address.
say() {
	in_ns balancer "$NET_PYTHON" -c 'import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2])))
s.sendto(b"x", (sys.argv[1], 5000))' $VIP "$1"
}

test_monitor_local() {
	on_lo
	config set-backends $ECHO --forward local :5001 :5002
	monitors all
	say 4000
	say 4001
	say 4000
	showed all "$VIP:4001 -> $ECHO -> :5002"
	sleep 0.3
	equal lines "$VIP:4000 -> $ECHO -> :5001
$VIP:4001 -> $ECHO -> :5002" "$(cat "$NET_DIR/all.out")"
	ended all
	equal "told to stop" 0 "$(watched_until)"
}

test_monitor_drop() {
	on_lo
	config set-backends $ECHO --forward local :5001,state=down
	monitors all
	say 4000
	showed all "$VIP:4000 -> $ECHO dropped: no_backend"
	ended all INT
}

# pinned N: N HTTP servers behind a balancer with its maps in PINS.
pinned() {
	topo_flat "$1"
	http_servers "$1"
	config load eth0
}

test_monitor_nat() {
	pinned 1
	config set-backends $FLAT.10:8000 $FLAT.11
	config set-backends "[fd71::10]:8000" fd71::11
	monitors all
	refused 1 "another monitor" monitor
	refused 1 "(process " -j monitor $FLAT.10:8000
	http_get client --local-port 4000 http://$FLAT.10:8000/
	http_get client --local-port 4001 "http://[fd71::10]:8000/"
	showed all "$FLAT.2:4000 -> $FLAT.10:8000/tcp -> $FLAT.11:8000"
	showed all "[fd71::2]:4001 -> [fd71::10]:8000/tcp -> [fd71::11]:8000"
	equal lines 2 "$(lines all)"
	ended all HUP
	# Nobody watches: nothing is written.
	http_get client --local-port 4002 http://$FLAT.10:8000/
	monitors again
	sleep 0.3
	equal "events of before" 0 "$(lines again)"
	ended again
}

# A packet may be a new flow's and be dropped: both are told.
test_monitor_dropped_first() {
	pinned 0
	config set-backends $FLAT.10:8000 $FLAT.99 2>/dev/null
	monitors all
	http_get client --local-port 4000 -m 1 http://$FLAT.10:8000/ 2>/dev/null || true
	showed all "$FLAT.2:4000 -> $FLAT.10:8000/tcp -> $FLAT.99:8000"
	showed all "$FLAT.2:4000 -> $FLAT.10:8000/tcp dropped: no_neighbour"
	equal flows 1 "$(lines all '-> .* ->')"
	ended all
}

# Nothing remembers these: each SYN is a new flow.
test_monitor_untracked() {
	family 4
	pinned 1
	route client $ADDRESS $FLAT.10
	config set-backends --forward dsr --scheduler maglev $ADDRESS:8000 $FLAT.11
	forwards balancer
	set_up backend1 $FLAT.11
	monitors all
	http_get client --local-port 4000 http://$ADDRESS:8000/
	showed all "$FLAT.2:4000 -> $ADDRESS:8000/tcp -> $FLAT.11:8000"
	equal lines 1 "$(lines all)"
	ended all
}

# register ARGUMENT...: a listener of the service on lo.
register() {
	config register $ECHO "$@" 2>/dev/null
}

test_monitor_registrations() {
	local key=$NET_DIR/key
	on_lo
	echo 000102030405060708090a0b0c0d0e0f >"$key"
	chmod 600 "$key"
	config set-backends $ECHO --forward local --registration kernel --registration-key "$key" :5001
	monitors all
	register --port 5003 --weight 4 --ttl 30 --registration-key "$key"
	showed all "registration $ECHO :5003 weight 4 lifetime 30 s"
	register --port 5003 --goodbye --registration-key "$key"
	showed all "registration $ECHO :5003 goodbye"
	equal lines 2 "$(lines all)"
	! register --port 5003 || fail "registered without the key"
	showed all "registration from $VIP:5003 to $VIP:7475 refused: registration_key"
	ended all
	[ "$(lines all)" = "$((2 + $(stat_of .drops.registration_key)))" ] || fail "it showed: $(cat "$NET_DIR/all.out")"
	config set-service $ECHO --registration user
	monitors handed
	! register --port 5003 --weight 4 --registration-key "$key" || fail "registered without a registrar"
	showed handed "registration $ECHO :5003 weight 4 lifetime 30 s, to the registrar"
	ended handed
}

test_monitor_json() {
	on_lo
	config set-backends $ECHO --forward local --registration kernel :5001
	monitors all -j
	say 4000
	register --port 5003 --weight 4 --ttl 30
	register --port 5003 --goodbye
	config set-state $ECHO :5001 down
	say 4001
	eventually has_lines all 4
	ended all
	same_json flow '{"event": "flow", "client": "'$VIP'", "client_port": 4000, "service": "'$ECHO'", "backend": ":5001"}' \
		"$(event_of all 1)"
	same_json registered '{"event": "registered", "client": "'$VIP'", "client_port": 5003, "service": "'$ECHO'",
		"backend": ":5003", "weight": 4, "lifetime": 30}' "$(event_of all 2)"
	same_json goodbye '{"event": "goodbye", "client": "'$VIP'", "client_port": 5003, "service": "'$ECHO'",
		"backend": ":5003"}' "$(event_of all 3)"
	same_json drop '{"event": "drop", "client": "'$VIP'", "client_port": 4001, "service": "'$ECHO'", "reason": "no_backend"}' \
		"$(event_of all 4)"
	equal "the time" true "$(jq -s --argjson now "$(date +%s)" 'all(.[]; .time <= $now + 1 and .time > $now - 30)' "$NET_DIR/all.out")"
}

has_lines() {
	[ "$(lines "$1")" -ge "$2" ]
}

# event_of NAME N: its Nth line without the time.
event_of() {
	sed -n "$2p" "$NET_DIR/$1.out" | jq 'del(.time)'
}

test_monitor_service() {
	on_lo
	config set-backends $ECHO --forward local --registration kernel :5001
	config set-backends $VIP:5100/udp --forward local --registration kernel :5101
	refused 1 "no such service" monitor $VIP:5200/udp
	monitors one $VIP:5100/udp
	say 4000
	register --port 5003
	config register $VIP:5100/udp --port 5103
	in_ns balancer bash -c "echo x >/dev/udp/$VIP/5100"
	showed one "registration $VIP:5100/udp :5103 weight 1 lifetime 30 s"
	eventually has_lines one 2
	equal "of the other" 0 "$(lines one 500)"
	ended one
}

# Nobody is left to say that nobody watches: the program stops by itself, and the next one sees nothing old.
test_monitor_killed() {
	on_lo
	config set-backends $ECHO --forward local :5001
	monitors all
	say 4000
	showed all "$VIP:4000 -> $ECHO -> :5001"
	kill -KILL $JOB_all
	wait $JOB_all 2>/dev/null || true
	say 4001
	watched_no_more
	say 4002
	background again nsenter --net=/run/netns/${NET_PREFIX}balancer "$XDPLB_CONFIG" monitor
	eventually is_watched
	say 4003
	showed again "$VIP:4003 -> $ECHO -> :5001"
	equal lines 1 "$(lines again)"
	ended again
}

# It ends when nobody reads it, events or not.
test_monitor_reader_gone() {
	local start
	on_lo
	config set-backends $ECHO --forward local :5001
	start=$SECONDS
	set +o pipefail
	config monitor 2>"$NET_DIR/err" | { timeout 1 cat || true; }
	equal status 0 "${PIPESTATUS[0]}"
	[ $((SECONDS - start)) -lt 4 ] || fail "it went on for $((SECONDS - start)) s"
	equal "what it said" "" "$(cat "$NET_DIR/err")"
	equal "told to stop" 0 "$(watched_until)"
}

# Who reads nothing, and goes on reading nothing, holds neither a signal nor packets up.
test_monitor_reader_slow() {
	local start
	on_lo
	config set-backends $ECHO --forward local :5001
	mkfifo "$NET_DIR/pipe"
	exec 9<>"$NET_DIR/pipe"
	background full nsenter --net=/run/netns/${NET_PREFIX}balancer bash -c 'exec "$0" -j monitor >"$1"' \
		"$XDPLB_CONFIG" "$NET_DIR/pipe"
	eventually is_watched
	flood
	watched_no_more
	equal packets 3000 "$(stat_of .services[0].packets)"
	start=$SECONDS
	ended full
	[ $((SECONDS - start)) -lt 2 ] || fail "it went on for $((SECONDS - start)) s"
}

# Thousands of flows: more lines than a pipe takes.
flood() {
	in_ns balancer "$NET_PYTHON" -c 'import socket, sys
for port in range(20000, 23000):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((sys.argv[1], port))
    s.sendto(b"x", (sys.argv[1], 5000))
    s.close()' $VIP
}

test_monitor_flood() {
	on_lo
	config set-backends $ECHO --forward local :5001
	monitors all
	flood
	showed all "$VIP:22999 -> $ECHO -> :5001"
	equal lines 3000 "$(lines all)"
	ended all
}

# The program is replaced under it: the maps, and the monitor, go on.
test_monitor_replaced() {
	pinned 1
	config set-backends $FLAT.10:8000 $FLAT.11
	monitors all
	config load eth0
	http_get client --local-port 4000 http://$FLAT.10:8000/
	showed all "$FLAT.2:4000 -> $FLAT.10:8000/tcp -> $FLAT.11:8000"
	ended all
}

# Whoever watches changes nothing for packets, and holds no command up.
test_monitor_beside_traffic() {
	between 4 1
	method nat ${SERVERS}11
	monitors all
	transfers 20000000
	config set-backends $HOST:8001 ${SERVERS}11
	equal flows 2 "$(lines all)"
	ended all
}
