# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# xdplbd: checks, and what becomes of backends.

XDPLBD=$TOP/loader/xdplbd
WEB=$FLAT.10:8000

# ---- a daemon, and what it says ----------------------------------------------------------------

# daemon_start FILE [OPTION...]: runs it; returns when the file is in force.
daemon_start() {
	: >"$NET_DIR/balancer.log"
	start balancer "$XDPLBD" "${@:2}" "$1"
	DAEMON=$STARTED
	eventually said event=applied\|event=goes-on
}

# The daemon itself, and not who started it.
daemon_pid() {
	pgrep -P "$DAEMON" xdplbd || pgrep -x xdplbd
}

# said PATTERN...: a line of the log matches all.
said() {
	local pattern lines
	lines=$(cat "$NET_DIR/balancer.log")
	for pattern; do lines=$(grep -E -e "$pattern" <<<"$lines") || return 1; done
}

# said_times PATTERN: so many lines.
said_times() {
	grep -cE -e "$1" "$NET_DIR/balancer.log" || true
}

# state_of BACKEND-NUMBER: in force.
state_of() {
	config -j list | jq -r --arg at "$FLAT.1$1" '.[0].backends[] | select(.address == $at).state'
}

is_state() {
	[ "$(state_of "$1")" = "$2" ]
}

# faulty NUMBER [PORT]: a server on that backend that does as `mode NUMBER WORD` says.
faulty() {
	mode "$1" good
	start "backend$1" "$NET_PYTHON" "$NET_LIB/faulty.py" "${2:-8000}" "$NET_DIR/mode$1"
	eval "FAULTY$1=$STARTED"
	listens "backend$1" tcp "${2:-8000}"
}

mode() {
	put "$2" "$NET_DIR/mode$1"
}

# checked CHECK [OPTION-LINE...]: a file with the service, both backends checked so.
checked() {
	local check=$1 line
	shift
	echo "services:"
	echo "- service: $WEB"
	echo "  check: {$check}"
	for line; do echo "  $line"; done
	echo "  backends: ['$FLAT.11:8000', '$FLAT.12:8000']"
}

QUICK="interval: 200ms, timeout: 1, rise: 2, fall: 2"

# watch CHECK [OPTION-LINE...]: two faulty servers, and the daemon that checks them.
watch() {
	topo_flat 2
	faulty 1
	faulty 2
	config load eth0
	checked "$@" >"$NET_DIR/x.yaml"
	daemon_start "$NET_DIR/x.yaml"
}

# fails_as WORD PATTERN: with that fault the first backend goes, for that reason, and comes back without it.
fails_as() {
	: >"$NET_DIR/balancer.log"
	mode 1 "$1"
	eventually is_state 1 down
	said event=check-fails "$2" || fail "$1: no '$2' in: $(cat "$NET_DIR/balancer.log")"
	mode 1 good
	eventually is_state 1 up
	equal "the other, with $1" up "$(state_of 2)"
}

# ---- checks ------------------------------------------------------------------------------------

test_daemon_http() {
	watch "type: http, path: /health, body: well, $QUICK" "damping: off"
	fails_as hang "timed out"
	fails_as reset reason=
	fails_as slow "timed out"
	fails_as gigabyte "first 256 KiB|timed out"
	fails_as header "header is too long|Too large|timed out"
	fails_as garbage reason=
	fails_as early reason=
	fails_as teapot "status 418"
	fails_as empty "body has not"
	mode 1 good
	stop "$FAULTY1"
	eventually is_state 1 down
	said event=check-fails "connect: Connection refused" || fail "refused: $(cat "$NET_DIR/balancer.log")"
	equal "the other one's changes" 0 "$(said_times "backend=$FLAT.12:8000")"
}

received_bytes() {
	in_ns balancer ip -s -j link show eth0 | jq '.[].stats64.rx.bytes'
}

# What a server sends is read as far as needed and no further: a gigabyte is no failure where the status is enough.
test_daemon_http_gigabyte() {
	local before after
	watch "type: http, $QUICK"
	mode 1 gigabyte
	before=$(received_bytes)
	sleep 3
	after=$(received_bytes)
	equal "with a gigabyte" up "$(state_of 1)"
	[ $((after - before)) -lt 50000000 ] || fail "$((after - before)) bytes were read in 3 s"
}

test_daemon_tcp() {
	watch "type: tcp, $QUICK"
	mode 1 hang
	sleep 1
	equal "a connection is enough" up "$(state_of 1)"
	in_ns backend1 ip link set eth0 down
	eventually is_state 1 down
	in_ns backend1 ip link set eth0 up
	eventually is_state 1 up
}

test_daemon_tcp_expect() {
	watch "type: tcp, send: \"GET / HTTP/1.0\r\n\r\n\", expect: well, $QUICK" "damping: off"
	fails_as hang "timed out"
	fails_as reset reason=
	fails_as slow "timed out"
	fails_as gigabyte "too long"
	fails_as empty "ended early"
}

# An own certificate is not to be trusted, unless it is named, or nobody asks.
test_daemon_tls() {
	local port QUICK="interval: 300ms, timeout: 4, rise: 2, fall: 2"
	topo_flat 1
	http_start backend1 backend1 8000
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=web.test \
		-addext subjectAltName=DNS:web.test -keyout "$NET_DIR/key" -out "$NET_DIR/cert" 2>/dev/null
	start backend1 openssl s_server -quiet -accept 4430 -www -key "$NET_DIR/key" -cert "$NET_DIR/cert"
	listens backend1 tcp 4430
	config load eth0
	echo "services:" >"$NET_DIR/x.yaml"
	port=8000
	# by each port's service: trusted, of another name, not trusted, not asked
	while read -r check; do
		printf -- '- {service: "%s:%s", min-up: 0, check: {%s, port: 4430, %s}, backends: ["%s:8000"]}\n' \
			$FLAT.10 $port "$check" "$QUICK" $FLAT.11
		port=$((port + 1))
	done >>"$NET_DIR/x.yaml" <<-END
		type: https, sni: web.test, ca: $NET_DIR/cert
		type: https, sni: other.test, ca: $NET_DIR/cert
		type: tls
		type: tls, verify: off
		type: tls, sni: web.test, ca: $NET_DIR/cert
		type: https, sni: web.test, ca: $NET_DIR/cert, body: no such words
	END
	daemon_start "$NET_DIR/x.yaml"
	eventually tls_states "up down down up up down"
	sleep 1
	tls_states "up down down up up down" || fail "then: $(tls_states x)"
	said "service=$FLAT.10:8002/tcp" "certificate" || fail "no word of the certificate: $(cat "$NET_DIR/balancer.log")"
}

tls_states() {
	[ "$(config -j list | jq -r 'sort_by(.service)[].backends[0].state' | xargs)" = "$1" ]
}

test_daemon_udp() {
	topo_flat 2
	udp_start backend1 backend1 5300
	udp_start backend2 backend2 5300
	PROCESS=$STARTED
	config load eth0
	cat >"$NET_DIR/x.yaml" <<-END
		services:
		- service: $FLAT.10:5300/udp
		  check: {type: udp, send: are you well, expect: are you well, $QUICK}
		  backends: ['$FLAT.11:5300', '$FLAT.12:5300']
	END
	daemon_start "$NET_DIR/x.yaml"
	sleep 1
	equal "both" "up up" "$(state_of 1) $(state_of 2)"
	stop $PROCESS
	eventually is_state 2 down
	said event=check-fails "refused" || fail "why: $(cat "$NET_DIR/balancer.log")"
	udp_start backend2 backend2 5300
	eventually is_state 2 up
}

# code HOST WORD: what its server of DNS answers from now on; see dnsd.py.
code() {
	put "$2" "$NET_DIR/code-$1"
}

test_daemon_dns() {
	local proto
	topo_flat 2
	for host in backend1 backend2; do
		code $host 0
		start $host "$NET_PYTHON" "$HERE/dnsd.py" 5300 "$NET_DIR/code-$host"
	done
	listens backend1 tcp 5300
	listens backend2 tcp 5300
	config load eth0
	for proto in udp tcp; do
		cat >"$NET_DIR/x.yaml" <<-END
			services:
			- service: $FLAT.10:5300/$proto
			  check: {type: dns, query: example.org, query-type: AAAA, $QUICK}
			  backends: ['$FLAT.11:5300', '$FLAT.12:5300']
		END
		daemon_start "$NET_DIR/x.yaml"
		sleep 1
		equal "both" "up up" "$(state_of 1) $(state_of 2)"
		code backend2 2
		eventually is_state 2 down
		said event=check-fails SERVFAIL || fail "why: $(cat "$NET_DIR/balancer.log")"
		code backend2 hang
		sleep 3
		equal "while it hangs" down "$(state_of 2)"
		code backend2 0
		eventually is_state 2 up
		stop $DAEMON
		config flush
	done
}

# A command: its status counts, it is told where, a child of it that hangs is killed, and what it says is kept in a line.
test_daemon_command() {
	watch "type: command, command: '. $NET_DIR/check', $QUICK"
	echo '[ $XDPLB_ADDRESS != '$FLAT.11' ] || { echo "no such luck" >&2; exit 3; }' >"$NET_DIR/check.next"
	mv "$NET_DIR/check.next" "$NET_DIR/check"
	eventually is_state 1 down
	eventually is_state 2 up
	said event=check-fails $FLAT.11 "status 3: no such luck" || fail "why: $(cat "$NET_DIR/balancer.log")"
	echo 'echo "$XDPLB_SERVICE $XDPLB_BACKEND $XDPLB_PORT $XDPLB_TIMEOUT" >>'$NET_DIR'/told' >"$NET_DIR/check"
	eventually is_state 1 up
	equal "is told" "$WEB/tcp $FLAT.11:8000 8000 1.000" "$(grep -F $FLAT.11 "$NET_DIR/told" | sort -u)"
	echo '[ $XDPLB_ADDRESS != '$FLAT.11' ] || { sleep 1000 & yes; }' >"$NET_DIR/check.next"
	mv "$NET_DIR/check.next" "$NET_DIR/check"
	eventually is_state 1 down
	echo true >"$NET_DIR/check"
	eventually is_state 1 up
	equal "left behind" "" "$(pgrep -x 'sleep|yes' | xargs)"
}

# Many commands at once wait for each other, and all get their turn.
test_daemon_commands() {
	local i most=0 now
	topo_flat 0
	config load eth0
	in_ns balancer ip route add blackhole 10.66.0.0/16
	in_ns balancer ip route replace 10.66.0.0/16 via $FLAT.2
	{
		echo "services: [{service: '$WEB', check: {type: command, command: 'sleep 0.1; echo \$XDPLB_ADDRESS >>$NET_DIR/turns', interval: 1, timeout: 5}, backends: ["
		for ((i = 0; i < 200; i++)); do echo "  '10.66.0.$((i + 1)):8000',"; done
		echo "]}]"
	} >"$NET_DIR/x.yaml"
	daemon_start "$NET_DIR/x.yaml"
	for i in {1..20}; do
		now=$(pgrep -cx sleep || true)
		[ "$now" -le "$most" ] || most=$now
		sleep 0.2
	done
	[ "$most" -le 64 ] || fail "$most commands at once"
	eventually everybody_had_a_turn
	equal "failures" 0 "$(said_times event=check-fails)"
}

everybody_had_a_turn() {
	[ "$(sort -u "$NET_DIR/turns" | wc -l)" = 200 ]
}

# ---- what is done ----------------------------------------------------------------------------------

# watch_transfers N HOW-OFTEN [OPTION-LINE...]: as watch, by HTTP; N downloads from the second backend are under way.
watch_transfers() {
	watch "type: http, $2" "${@:3}"
	http_start backend2 backend2 8001
	checked "type: http, port: 8000, $2" "${@:3}" | sed 's/12:8000/12:8001/' >"$NET_DIR/x.yaml"
	: >"$NET_DIR/balancer.log"
	kill -HUP "$(daemon_pid)"
	eventually said event=applied
	ADDRESS=$FLAT.10
	config set-state $WEB $FLAT.11:8000 down
	running "$1"
	config set-state $WEB $FLAT.11:8000 up
}

# A failed backend takes its flows along, and no others: transfers of the healthy one arrive.
test_daemon_acts() {
	watch_transfers 2 "$QUICK"
	mode 1 hang
	eventually is_state 1 down
	mode 1 good
	eventually is_state 1 up
	arrive 2
	equal "of" backend2 "$(cat "$NET_DIR"/held?.out | sort -u | xargs)"
}

# When all fail it is the checker that is suspected.
test_daemon_floor() {
	watch "type: http, $QUICK" "min-up: 2"
	mode 1 hang
	eventually said event=too-many-fail
	sleep 1
	equal "both stay" "up up" "$(state_of 1) $(state_of 2)"
	mode 1 good
	eventually said event=enough-pass
	equal "said" "1 1" "$(said_times too-many-fail) $(said_times enough-pass)"
}

# The balancer's own network goes: nothing changes, and nothing is stuck when it comes back.
test_daemon_network_gone() {
	watch "type: http, $QUICK"
	in_ns balancer ip link set eth0 down
	eventually said event=too-many-fail
	sleep 1
	equal "both stay" "up up" "$(state_of 1) $(state_of 2)"
	: >"$NET_DIR/balancer.log"
	in_ns balancer ip link set eth0 up
	eventually said event=enough-pass
	sleep 1
	equal "nobody went when the first came back" 0 "$(said_times to=down)"
	mode 1 hang
	eventually is_state 1 down
}

test_daemon_on_fail_drain() {
	watch "type: http, $QUICK" "on-fail: drain"
	mode 1 hang
	eventually is_state 1 drain
	mode 1 good
	eventually is_state 1 up
}

# A backup steps in, then the fallback, which nobody checks.
test_daemon_fallback() {
	topo_flat 3
	faulty 1
	faulty 2
	http_start backend3 sorry 8000
	config load eth0
	checked "type: http, $QUICK" "fallback: '$FLAT.13:8000'" | sed "s/12:8000'/12:8000,state=backup'/" >"$NET_DIR/x.yaml"
	daemon_start "$NET_DIR/x.yaml"
	eventually is_state 3 drain
	mode 1 hang
	eventually is_state 1 down
	equal "the backup" "all is well" "$(http_get client http://$WEB/)"
	mode 2 hang
	eventually is_state 2 down
	eventually is_state 3 backup
	equal "the fallback" sorry "$(http_get client http://$WEB/)"
	mode 1 good
	eventually is_state 1 up
	equal "again" "all is well" "$(http_get client http://$WEB/)"
}

test_daemon_damping() {
	local i
	watch "type: http, interval: 100ms, timeout: 4, rise: 1, fall: 1" "damping: {flaps: 3, within: 60, hold: 4}"
	for i in 1 2; do
		mode 1 teapot
		eventually is_state 1 down
		mode 1 good
		eventually is_state 1 up
	done
	mode 1 teapot
	eventually is_state 1 down
	mode 1 good
	eventually said event=flapping
	sleep 1.5
	equal "held" down "$(state_of 1)"
	within 10 is_state 1 up
}

test_daemon_slow_start() {
	watch "type: http, $QUICK" "slow-start: 60"
	mode 1 hang
	eventually is_state 1 down
	mode 1 good
	eventually is_state 1 up
	for i in {1..20}; do http_get client http://$WEB/ >/dev/null; done
	[ "$(stat_of '.services[0].backends[0].new_flows')" -lt 6 ] || fail "it got half of the flows at once"
}

# ---- by hand -------------------------------------------------------------------------------------

test_daemon_by_hand() {
	watch "type: http, $QUICK"
	config set-state $WEB $FLAT.11:8000 drain
	config set-weight $WEB $FLAT.12:8000 7
	eventually said event=by-hand $FLAT.11:8000 state=drain
	eventually said event=by-hand $FLAT.12:8000 weight=7
	sleep 1
	equal "is kept" drain "$(state_of 1)"
	mode 2 hang
	eventually said event=too-many-fail
	config add-backend $WEB $FLAT.11:8001
	eventually said event=by-hand $FLAT.11:8001 what=added
	config del-backend $WEB $FLAT.11:8001
	eventually said event=by-hand $FLAT.11:8001 what=removed
	mode 2 good
	eventually said event=enough-pass
	equal "said once" 1 "$(said_times 'event=by-hand.*state=drain')"
	kill -HUP "$(daemon_pid)"
	eventually is_state 1 up
	equal "weight" 1 "$(config -j list | jq '.[0].backends[1].weight')"
}

# asked: how often somebody began a connection to one of these ports of backend1's.
ASKED="tcp dport 8001-8006 tcp flags & (syn | ack) == syn counter"
asked() {
	in_ns backend1 nft -j list chain ip asked input | jq '[.. | .counter?.packets // empty] | add'
}

# Those that were added by hand before a restart are checked once an interval, as all are.
test_daemon_by_hand_restarted() {
	local port
	watch "type: tcp, interval: 10, timeout: 1, jitter: 0"
	for port in 1 2 3 4 5 6; do
		config add-backend $WEB $FLAT.11:800$port
		eventually said event=by-hand $FLAT.11:800$port what=added
	done
	stop $DAEMON
	in_ns backend1 nft "table ip asked { chain input { type filter hook input priority 0; $ASKED; }; }"
	daemon_start "$NET_DIR/x.yaml"
	eventually said event=goes-on
	# Twice as often, that would be ten.
	sleep 8
	[ "$(asked)" -le 6 ] || fail "$(asked) checks of six in their first interval"
	eventually asked_all
}

asked_all() {
	[ "$(asked)" -ge 6 ]
}

# Up by hand while checks fail: it is, until they pass; then they rule again.
test_daemon_forced() {
	watch "type: http, $QUICK"
	mode 1 teapot
	eventually is_state 1 down
	config set-weight $WEB $FLAT.11:8000 3
	sleep 1.5
	equal "another weight is no word about its state" down "$(state_of 1)"
	config set-state $WEB $FLAT.11:8000 up
	sleep 1.5
	equal "forced" up "$(state_of 1)"
	mode 1 good
	sleep 1.5
	mode 1 teapot
	eventually is_state 1 down
}

# What checks did is not saved as the operator's word, nor undone by applying the file while the daemon runs.
test_daemon_saved() {
	watch "type: http, $QUICK"
	mode 1 teapot
	eventually is_state 1 down
	config save >"$NET_DIR/saved.yaml"
	! grep -q state= "$NET_DIR/saved.yaml" || fail "saved: $(cat "$NET_DIR/saved.yaml")"
	equal "difference" "" "$(config apply --dry-run "$NET_DIR/x.yaml")"
	config apply "$NET_DIR/x.yaml"
	equal "applied" down "$(state_of 1)"
	config set-backends $WEB $FLAT.11:8000 $FLAT.12:8000
	equal "set" down "$(state_of 1)"
	equal "listed" '"up"' "$(config -j list | jq -c '.[0].backends[0].configured_state')"
	stop $DAEMON
	equal "difference without a daemon" "-     - $FLAT.11:8000,state=down" \
		"$(config apply --dry-run "$NET_DIR/x.yaml" | grep ^-)"
	config apply "$NET_DIR/x.yaml"
	equal "without a daemon" up "$(state_of 1)"
}

# ---- files -----------------------------------------------------------------------------------------

test_daemon_nonsense() {
	watch "type: http, $QUICK"
	echo "services: [" >"$NET_DIR/x.yaml"
	kill -HUP "$(daemon_pid)"
	eventually said event=reload-failed
	said event=error x.yaml:2:1 || fail "where: $(cat "$NET_DIR/balancer.log")"
	: >"$NET_DIR/balancer.log"
	kill -HUP "$(daemon_pid)"
	eventually said event=reload-failed
	said event=error x.yaml:2:1 || fail "where, when asked again: $(cat "$NET_DIR/balancer.log")"
	checked "type: http, $QUICK" damping: >"$NET_DIR/x.yaml"
	kill -HUP "$(daemon_pid)"
	eventually said 'damping.*nothing is here'
	mode 1 hang
	eventually is_state 1 down
	rm "$NET_DIR/x.yaml"
	kill -HUP "$(daemon_pid)"
	sleep 0.5
	mode 1 good
	eventually is_state 1 up
	checked "type: http, $QUICK" | sed 's/12:8000/12:8001/' >"$NET_DIR/x.yaml"
	kill -HUP "$(daemon_pid)"
	eventually said 'event=applied.*'
	equal "the new file" "8000 8001" "$(config -j list | jq -r '.[0].backends[].port' | xargs)"
}

test_daemon_refused() {
	local status=0
	topo_flat 0
	config load eth0
	checked "type: http, interval: never" >"$NET_DIR/x.yaml"
	in_ns balancer "$XDPLBD" -t "$NET_DIR/x.yaml" 2>"$NET_DIR/err" || status=$?
	equal status 1 $status
	grep -q 'x.yaml:3:.*interval.*never: seconds such as' "$NET_DIR/err" || fail "it says $(cat "$NET_DIR/err")"
	refused 1 "never" apply "$NET_DIR/x.yaml"
	checked "type: tcp, path: /" >"$NET_DIR/x.yaml"
	refused 1 "tcp has no such key" apply "$NET_DIR/x.yaml"
	checked "type: http, $QUICK" >"$NET_DIR/x.yaml"
	daemon_start "$NET_DIR/x.yaml"
	status=0
	in_ns balancer "$XDPLBD" "$NET_DIR/x.yaml" 2>"$NET_DIR/err" || status=$?
	equal "a second one" 1 $status
	grep -q "another xdplbd runs" "$NET_DIR/err" || fail "it says $(cat "$NET_DIR/err")"
}

# ---- faults of this machine ------------------------------------------------------------------------

# No descriptors: nobody is blamed for that.
test_daemon_out_of_descriptors() {
	local pid
	watch "type: http, $QUICK"
	pid=$(daemon_pid)
	prlimit --pid "$pid" --nofile=5:1024
	eventually said event=check-not-run
	sleep 1
	equal "both stay" "up up" "$(state_of 1) $(state_of 2)"
	prlimit --pid "$pid" --nofile=1024:1024
	eventually said event=check-runs-again
	mode 1 hang
	eventually is_state 1 down
}

# ... and what is announced is withdrawn all the same.
test_daemon_ends_without_descriptors() {
	local limit
	watch "type: http, $QUICK"
	echo "daemon: {http: off, announce: {by: address, interface: lo, addresses: [198.51.100.7], hold: 0}}" >>"$NET_DIR/x.yaml"
	sed -i "s/^- service: .*/- service: 198.51.100.7:8000/" "$NET_DIR/x.yaml"
	kill -HUP "$(daemon_pid)"
	eventually said event=announced
	cp "$NET_DIR/x.yaml" "$NET_DIR/announces.yaml"
	sed -i '/^daemon:/d' "$NET_DIR/x.yaml"
	kill -HUP "$(daemon_pid)"
	eventually said event=withdrawn address=198.51.100.7
	: >"$NET_DIR/balancer.log"
	cp "$NET_DIR/announces.yaml" "$NET_DIR/x.yaml"
	kill -HUP "$(daemon_pid)"
	eventually said event=announced
	limit=$(first_free_descriptor)
	prlimit --pid "$(daemon_pid)" --nofile="$limit:$limit"
	eventually said event=check-not-run
	kill "$(daemon_pid)"
	eventually said event=withdrawn
	equal "left" "" "$(in_ns balancer ip -4 -br address show dev lo | grep -o 198.51.100.7 || true)"
}

# With a limit of that it can open none.
first_free_descriptor() {
	least_of in_ns balancer sh -c 'ls "/proc/$0/fd" | sort -n | awk "NR - 1 != \$1 { exit } { last = NR } END { print last }"' "$(daemon_pid)"
}

# least_of COMMAND...: of what it says twenty times in a second: a look at the balancer has descriptors for a moment.
least_of() {
	for _ in {1..20}; do
		"$@"
		sleep 0.05
	done | sort -n | head -n 1
}

# A daemon that could not run for a while: the backends were not the ones who were late. A check's SYN is lost, and its
# connection made while the daemon is stopped and its time over.
test_daemon_stopped() {
	local pid i
	watch "type: http, interval: 500ms, timeout: 2, rise: 2, fall: 1"
	pid=$(daemon_pid)
	mode 1 late
	for i in 1 2; do
		in_ns backend1 ip link set eth0 down
		sleep 0.8
		kill -STOP "$pid"
		in_ns backend1 ip link set eth0 up
		sleep 4
		kill -CONT "$pid"
		sleep 1
	done
	equal "failures" 0 "$(said_times event=check-fails)"
	# Nothing it waits for can be moved by setting the clock: 0 is that of the time of day.
	{ grep -hs ^clockid: /proc/$pid/fdinfo/* || true; } | sort | uniq -c >"$NET_DIR/clocks"
	! grep -q 'clockid: 0' "$NET_DIR/clocks" || fail "timers by the time of day: $(cat "$NET_DIR/clocks")"
	grep -q 'clockid: 1' "$NET_DIR/clocks" || fail "no timer: $(cat "$NET_DIR/clocks")"
}

# Every line is an object, and what is a number is one there.
test_daemon_log_json() {
	watch "type: http, $QUICK" "damping: off"
	echo "daemon: {log: json}" >>"$NET_DIR/x.yaml"
	kill -HUP "$(daemon_pid)"
	eventually said '^{.*"event":"applied"'
	mode 1 hang
	eventually is_state 1 down
	kill "$(daemon_pid)"
	eventually said '"event":"ends"'
	grep '^{' "$NET_DIR/balancer.log" >"$NET_DIR/objects"
	equal "services" "[1]" "$(jq -sc '[.[] | select(.event == "applied").services]' "$NET_DIR/objects")"
	equal "texts" '["down"]' "$(jq -sc '[.[] | select(.event == "state").to]' "$NET_DIR/objects")"
}

# The balancer goes and another comes: the file is applied to that.
test_daemon_another_balancer() {
	watch "type: http, $QUICK"
	config set-weight $WEB $FLAT.12:8000 7
	config del-backend $WEB $FLAT.11:8000
	eventually said event=by-hand what=removed
	config unload eth0
	eventually said event=cannot-act
	config load eth0
	eventually said event=can-act
	eventually is_state 1 up
	sleep 1.5
	equal "by hand: the weight, and who was removed" 2 "$(said_times event=by-hand)"
	equal "weight" 1 "$(config -j list | jq '.[0].backends[1].weight')"
	mode 1 hang
	eventually is_state 1 down
}

# A daemon opens no more the longer it looks, and keeps nothing that has been unloaded.
test_daemon_descriptors() {
	local before after
	watch "type: tcp, interval: 60s"
	echo "daemon: {http: off}" >>"$NET_DIR/x.yaml"
	kill -HUP "$(daemon_pid)"
	sleep 3
	before=$(descriptors)
	[ "$before" -gt 0 ] || fail "it is not there"
	sleep 5
	equal "after 5 seconds" "$before" "$(descriptors)"
	for _ in 1 2; do
		config unload eth0
		config load eth0
		sleep 2.5
	done
	after=$(descriptors)
	((after > 0 && after <= before)) || fail "$after after other balancers, $before before: $(in_ns balancer ls -l "/proc/$(daemon_pid)/fd")"
}

descriptors() {
	least_of in_ns balancer sh -c 'ls "/proc/$0/fd" | wc -l' "$(daemon_pid)"
}

# ---- kill -9 -----------------------------------------------------------------------------------------

# What it did while it lived stays, is gone on with without a ripple, and not stuck.
test_daemon_killed() {
	watch "type: http, $QUICK"
	mode 1 teapot
	eventually is_state 1 down
	config set-weight $WEB $FLAT.12:8000 7
	eventually said event=by-hand weight=7
	kill -KILL "$(daemon_pid)"
	stop $DAEMON
	equal "goes on" "all is well" "$(http_get client http://$WEB/)"
	equal "state" down "$(state_of 1)"
	daemon_start "$NET_DIR/x.yaml"
	said event=goes-on || fail "it applied the file again: $(cat "$NET_DIR/balancer.log")"
	sleep 1.5
	equal "state then" down "$(state_of 1)"
	equal "weight by hand" 7 "$(config -j list | jq '.[0].backends[1].weight')"
	equal "changes" 0 "$(said_times event=state)"
	mode 1 good
	eventually is_state 1 up
	config set-state $WEB $FLAT.11:8000 down
	kill -KILL "$(daemon_pid)"
	stop $DAEMON
	daemon_start "$NET_DIR/x.yaml"
	sleep 1.5
	equal "down by hand" down "$(state_of 1)"
	# another file is another word
	sed -i 's/rise: 2/rise: 1/' "$NET_DIR/x.yaml"
	stop $DAEMON
	daemon_start "$NET_DIR/x.yaml"
	eventually is_state 1 up
}

# milliseconds N: as seconds.
milliseconds() {
	printf "%d.%03d" $(($1 / 1000)) $(($1 % 1000))
}

# A hundred times, at any moment, while a backend comes and goes and transfers are under way.
test_daemon_killed_often() {
	local i begin needed
	watch_transfers 3 "interval: 20ms, timeout: 4, rise: 1, fall: 1" "damping: off"
	kill -KILL "$(daemon_pid)"
	stop $DAEMON
	# From its start to what it does when a backend fails, in milliseconds.
	mode 1 teapot
	begin=$(date +%s%3N)
	daemon_start "$NET_DIR/x.yaml"
	eventually said to=down
	needed=$(($(date +%s%3N) - begin))
	kill -KILL "$(daemon_pid)"
	stop $DAEMON
	for i in {1..100}; do
		mode 1 "$([ $((i % 2)) = 1 ] && echo teapot || echo good)"
		in_ns balancer timeout -s KILL "$(milliseconds $((20 + RANDOM % (3 * needed / 2))))" "$XDPLBD" "$NET_DIR/x.yaml" \
			2>>"$NET_DIR/killed.log" || true
		[ $((i % 5)) = 0 ] || continue
		config -j list >"$NET_DIR/list"
		equal "round $i: backends" 2 "$(jq '.[0].backends | length' "$NET_DIR/list")"
		equal "round $i: the healthy one" up "$(jq -r '.[0].backends[1].state' "$NET_DIR/list")"
	done
	grep -q to=down "$NET_DIR/killed.log" || fail "it never took the backend out"
	grep -q to=up "$NET_DIR/killed.log" || fail "it never took it in"
	mode 1 teapot
	daemon_start "$NET_DIR/x.yaml"
	eventually is_state 1 down
	mode 1 good
	eventually is_state 1 up
	# A check that a transfer at full speed makes late would take the healthy one out, too.
	kill -KILL "$(daemon_pid)"
	stop $DAEMON
	arrive 3
	equal "of" backend2 "$(cat "$NET_DIR"/held?.out | sort -u | xargs)"
}

# ---- agents -----------------------------------------------------------------------------------------

# agent NUMBER WORDS: what that backend's agent says from now on.
agent() {
	put "$2" "$NET_DIR/words$1"
}

agent_start() {
	agent "$1" up
	start "backend$1" socat TCP-LISTEN:9000,reuseaddr,fork,bind=$FLAT.1$1 "SYSTEM:cat $NET_DIR/words$1"
	listens "backend$1" tcp 9000
}

weights() {
	config -j list | jq -c '[.[0].backends[].weight]'
}

are_weights() {
	[ "$(weights)" = "$1" ]
}

test_daemon_agent() {
	needs socat
	topo_flat 2
	for i in 1 2; do
		agent_start $i
		http_start "backend$i" "backend$i" 8000
	done
	config load eth0
	checked "type: tcp, $QUICK" "agent: {port: 9000, interval: 600ms, timeout: 3, smooth: 0, least: 20}" >"$NET_DIR/x.yaml"
	daemon_start "$NET_DIR/x.yaml"
	sleep 1
	equal "own weights" "[1,1]" "$(weights)"
	agent 1 "50%"
	eventually are_weights "[10,20]"
	agent 1 "55%"
	sleep 1
	equal "a trifle, at first" "[10,20]" "$(weights)"
	eventually are_weights "[11,20]"
	agent 1 "1%"
	eventually are_weights "[4,20]"
	config save | grep -q weight= && fail "the agent's weight is saved"
	kill -KILL "$(daemon_pid)"
	stop $DAEMON
	daemon_start "$NET_DIR/x.yaml"
	sleep 1
	equal "found again" "[4,20]" "$(weights)"
	equal "changes" 0 "$(said_times percent=)"
	agent 1 "40%"
	eventually are_weights "[8,20]"
	agent 1 "drain 25%"
	eventually is_state 1 drain
	agent 1 "up 100%"
	eventually is_state 1 up
	eventually are_weights "[1,1]"
	agent 1 "down"
	eventually is_state 1 down
	agent 1 "up 50%"
	eventually is_state 1 up
	eventually are_weights "[10,20]"
	config set-weight $WEB $FLAT.12:8000 3
	eventually are_weights "[10,60]"
	config set-weight $WEB $FLAT.12:8000 1
	eventually are_weights "[10,20]"
	agent 1 "nonsense"
	eventually said event=agent-silent
	eventually are_weights "[1,1]"
}

test_daemon_agent_http() {
	topo_flat 2
	for i in 1 2; do
		mkdir "$NET_DIR/www$i"
		echo "$((i * 40))%" >"$NET_DIR/www$i/load"
		start "backend$i" "$NET_PYTHON" -m http.server -d "$NET_DIR/www$i" 9000
		http_start "backend$i" "backend$i" 8000
		listens "backend$i" tcp 9000
	done
	config load eth0
	checked "type: tcp, $QUICK" "agent: {port: 9000, path: /load, interval: 200ms, timeout: 500ms, smooth: 0}" >"$NET_DIR/x.yaml"
	daemon_start "$NET_DIR/x.yaml"
	eventually are_weights "[8,16]"
}

# ---- what the data plane sees ------------------------------------------------------------------------

# silent COUNT NUMBER...: of so many backends, whose servers their checks find well, these answer no client; clients come.
silent() {
	local i count=$1 more=
	shift
	topo_flat $count
	for ((i = 1; i <= count; i++)); do faulty $i; done
	for ((i = 3; i <= count; i++)); do more+=", '$FLAT.1$i:8000'"; done
	config load eth0
	checked "type: http, $QUICK" "passive: {act: fail, flows: 5}" "forward: dnat" |
		sed "s/'$FLAT.12:8000'/&$more/" >"$NET_DIR/x.yaml"
	daemon_start "$NET_DIR/x.yaml"
	ns_sysctl balancer ipv4/ip_forward 1
	# answers to the balancer go by another route than those to its checks
	for ((i = 1; i <= count; i++)); do
		in_ns backend$i ip route add $FLAT.2 via $FLAT.10
		ns_sysctl backend$i ipv4/conf/all/accept_redirects 0
	done
	equal "while all answer" "all is well" "$(http_get client http://$WEB/)"
	for i; do
		ns_sysctl backend$i ipv4/conf/all/rp_filter 0
		in_ns backend$i ip route replace blackhole $FLAT.2
	done
	for ((i = 0; i < 8 * count; i++)); do in_ns client curl -s -o /dev/null --noproxy '*' --max-time 0.2 http://$WEB/ || true; done
	for i in {1..4}; do said event=unanswered || sleep 3; done
}

test_daemon_passive() {
	silent 3 1
	said event=unanswered $FLAT.11:8000 || fail "it has not noticed: $(cat "$NET_DIR/balancer.log")"
	eventually is_state 1 down
	said event=state to=down "flows get no answer" || fail "why: $(cat "$NET_DIR/balancer.log")"
	equal "the others" "up up" "$(state_of 2) $(state_of 3)"
}

# Two are silent, and no more than one is to be taken out for that.
test_daemon_passive_limit() {
	silent 6 1 2
	eventually said event=state to=down
	sleep 6
	equal "taken out" 1 "$(config -j list | jq '[.[0].backends[] | select(.state == "down")] | length')"
	equal "those that answer" 4 "$(config -j list | jq '[.[0].backends[2:][] | select(.state == "up")] | length')"
}

# ---- by the method ----------------------------------------------------------------------------------

# by_method FAMILY METHOD: two backends that hold the service's address, and a file that has them checked by tcp, http
# and udp, a service each; with `own`, the balancer has the address too.
by_method() {
	local family=$1 method=$2 host
	family "$family"
	topo_flat 2
	http_servers 2
	for host in 1 2; do holds $host; done
	[ "${3:-}" != own ] || in_ns balancer ip address add $ADDRESS dev lo
	forwards balancer
	in_ns balancer env LIBXDP_SKIP_DISPATCHER=1 "$XDPLB_CONFIG" load --encap eth0
	cat >"$NET_DIR/x.yaml" <<-END
		services:
		- {service: "$HOST:8000", forward: $method, check: {type: tcp, $QUICK}, backends: ["${LAN}11", "${LAN}12"]}
		- {service: "$HOST:8001", forward: $method, check: {type: http, port: 8000, body: backend, host: "$HOST:8001", $QUICK},
		   backends: ["${LAN}11", "${LAN}12"]}
		- {service: "$HOST:5300/udp", forward: $method, check: {type: udp, send: well, expect: well, $QUICK},
		   backends: ["${LAN}11", "${LAN}12"]}
	END
	[ "$family" = 4 ] || sed -i 's/\(fd71::1[12]\)"/[\1]"/g; s/\[\[/[/g' "$NET_DIR/x.yaml"
	[ $method = dsr ] || for host in 1 2; do tunnel $host; done
	daemon_start "$NET_DIR/x.yaml"
}

holds() {
	ns_sysctl "backend$1" ipv4/conf/all/arp_ignore 1
	ns_sysctl "backend$1" ipv4/conf/all/arp_announce 2
	in_ns "backend$1" ip address add $ADDRESS dev lo
}

tunnel() {
	start "backend$1" "$NET_PYTHON" "$HERE/tunnel.py"
	eventually in_ns "backend$1" ip link set tunnel0 up
	ns_sysctl "backend$1" ipv4/conf/tunnel0/rp_filter 0
	ns_sysctl "backend$1" ipv4/conf/all/rp_filter 0
}

# Of all services, backend after backend.
method_states() {
	config -j list | jq -r 'sort_by(.service)[] | [.backends[].state] | join(",")' | xargs
}

are_states() {
	[ "$(method_states)" = "$1" ]
}

# A backend whose server answers, but that lacks the service's address, would get clients' packets for nothing.
follows_the_method() {
	sleep 1.5
	equal "all are well" "up,up up,up up,up" "$(method_states)"
	equal "failures" 0 "$(said_times 'check-fails|check-not-run')"
	in_ns backend1 ip address del $ADDRESS dev lo
	eventually are_states "down,up down,up down,up"
	in_ns backend1 ip address add $ADDRESS dev lo
	eventually are_states "up,up up,up up,up"
	stop $DAEMON
	equal "left at the interface" "" "$(in_ns balancer tc filter show dev eth0 ingress)$(in_ns balancer tc filter show dev eth0 egress | grep probe || true)"
}

test_daemon_dsr() {
	by_method 4 dsr
	follows_the_method
}

has_probe() {
	in_ns balancer tc filter show dev eth0 egress | grep -q probe
}

# Who takes others' programs off an interface takes the checks' along; they come back.
test_daemon_method_taken_off() {
	by_method 4 dsr
	sleep 1
	in_ns balancer tc qdisc del dev eth0 clsact
	sleep 5
	eventually has_probe
	in_ns backend1 ip address del $ADDRESS dev lo
	eventually are_states "down,up down,up down,up"
}

test_daemon_dsr_own() {
	by_method 4 dsr own
	follows_the_method
}

test_daemon_dsr_ipv6() {
	by_method 6 dsr own
	follows_the_method
}

test_daemon_ipip() {
	by_method 4 ipip own
	follows_the_method
}

test_daemon_ipip_ipv6() {
	by_method 6 ipip own
	follows_the_method
}

test_daemon_gue() {
	by_method 4 gue
	follows_the_method
}

test_daemon_gue_ipv6() {
	by_method 6 gue
	follows_the_method
}

# ---- how fast, at what cost --------------------------------------------------------------------------

# syns: when SYNs of the service's clients came to backend1, as seconds since 1970; checks come from the balancer too,
# to another port.
syns() {
	captured backend1 -tt | sed -n 's/^\([0-9.]*\) .*Flags \[S\].*/\1/p'
}

# asks: new connections, one after the other, as fast as they go, until NET_DIR/asks.go is there.
asks() {
	while [ ! -e "$NET_DIR/asks.go" ]; do
		in_ns client curl -s -o /dev/null --noproxy '*' --max-time 0.1 http://$WEB/ || true
	done
}

# last_flow: milliseconds from the failure to the last new flow that is sent there. When the state is another, none is.
last_flow() {
	local failed out last
	capture backend1 eth0 tcp dst port 8000
	background asks asks
	sleep 1
	is_state 1 up || fail "it is $(state_of 1) before it fails"
	mode 1 teapot
	failed=$(date +%s.%N)
	eventually is_state 1 down
	out=$(date +%s.%N)
	sleep 1
	finish asks
	last=$(syns | tail -n 1)
	[ -n "$last" ] || fail "no flow came at all"
	mode 1 good
	eventually is_state 1 up
	awk -v failed="$failed" -v out="$out" -v last="$last" 'BEGIN { print int((last - failed) * 1000); exit !(last < out) }' ||
		fail "a flow came $last, down since $out"
}

# As the manual says, the checks' time and a moment. Beside other cases the quickest of some counts.
test_daemon_time_to_out() {
	local try most
	topo_flat 2
	faulty 1 8000
	faulty 2 8000
	faulty 1 9000
	faulty 2 9000
	config load eth0
	checked "type: http, port: 9000, interval: 300ms, timeout: 2, rise: 2, fall: 2, jitter: 0" "damping: off" >"$NET_DIR/x.yaml"
	daemon_start "$NET_DIR/x.yaml"
	for try in {1..8}; do
		last_flow >"$NET_DIR/most"
		most=$(cat "$NET_DIR/most")
		echo "# $most ms from failing to the last new flow"
		[ "$most" -ge 900 ] || return 0
	done
	fail "$most ms and more, in $try tries, from failing to the last new flow"
}

# A thousand checks a second: how much of one CPU they take, beside what a simple server takes to answer them. What is
# printed is in the manual.
test_daemon_thousand() {
	local type i before after server
	topo_flat 1
	start backend1 "$NET_PYTHON" "$HERE/many.py" 8000
	listens backend1 tcp 8000
	server=$(pgrep -P "$STARTED")
	in_ns backend1 ip route add local 10.66.0.0/16 dev lo
	route balancer 10.66.0.0/16 $FLAT.11
	config load eth0
	for type in tcp http; do
		{
			echo "services: [{service: '$WEB', check: {type: $type, interval: 1, timeout: 5}, backends: ["
			for ((i = 0; i < 1000; i++)); do echo "  '10.66.$((i / 250)).$((i % 250 + 1)):8000',"; done
			echo "]}]"
		} >"$NET_DIR/x.yaml"
		daemon_start "$NET_DIR/x.yaml"
		sleep 3
		before=$(cpu_ticks "$(daemon_pid)" $server)
		sleep 10
		after=$(cpu_ticks "$(daemon_pid)" $server)
		equal "failures of $type" 0 "$(said_times event=check-fails)"
		awk -v type=$type -v before="$before" -v after="$after" -v second="$(getconf CLK_TCK)" \
			-v memory="$(awk '/VmRSS/ { print $2 }' "/proc/$(daemon_pid)/status")" 'BEGIN {
			split(before, b); split(after, a); daemon = (a[1] - b[1]) * 10 / second; server = (a[2] - b[2]) * 10 / second
			printf "# %s: %d%% of a CPU, its server %d%%; %d kB\n", type, daemon, server, memory
			exit !(server > 0 && daemon < 4 * server) }' || fail "checks of $type take too much: $before before, $after after"
		stop $DAEMON
	done
}

# cpu_ticks PROCESS...: what each has taken.
cpu_ticks() {
	local process
	for process; do awk '{ print $14 + $15 }' "/proc/$process/stat"; done | xargs
}

# ---- the manual -------------------------------------------------------------------------------------

# Its example with checks has every key, can be applied by both, and what is saved of it reads again.
test_daemon_example() {
	local key
	stands_alone
	config load -m skb eth0
	sed -n '/^The same with checks/,/^\.Ed/{ /^\.Bd/,/^\.Ed/{ /^\./!p } }' "$TOP/man/xdplb.yaml.5" | sed 's/\\e/\\/g' >"$NET_DIR/x.yaml"
	for key in check on-fail min-up fallback damping agent passive type interval timeout jitter rise fall port through \
		send expect path host status body sni verify ca query query-type command log; do
		[ $key = body ] || grep -qE "\\b$key:" "$NET_DIR/x.yaml" || fail "$key is in no example"
		grep -q "^\.It Ic $key\|^\.Ic $key\|^\.It Ic rise , $key\|^\.Cm $key" "$TOP/man/xdplb.yaml.5" || fail "$key is not in the manual"
	done
	config apply "$NET_DIR/x.yaml" 2>/dev/null
	equal "services" 6 "$(config -j list | jq length)"
	start balancer "$XDPLBD" "$NET_DIR/x.yaml"
	eventually said '"event":"applied"'
	eventually said '"event":"too-many-fail"'
	jq -es 'length > 3' <(grep '^{' "$NET_DIR/balancer.log") >/dev/null || fail "the log is no JSON: $(cat "$NET_DIR/balancer.log")"
	stop $STARTED
	config save >"$NET_DIR/saved.yaml"
	config apply --dry-run "$NET_DIR/saved.yaml"
}
