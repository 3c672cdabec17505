# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# Registrations that a process takes: xdplb-config registrar.

REG4=$FLAT.10:5000/udp
REG6="[fd71::10]:5000/udp"
KEY=000102030405060708090a0b0c0d0e0f

# registrar_ready [OPTION...]: a balancer on lo alone, whose service has listeners on 5001 and 5002 and takes
# registrations by a process that runs.
registrar_ready() {
	topo_flat 0
	config load lo
	echo $KEY >"$NET_DIR/key"
	config set-backends $REG4 --forward local --registration user "$@"
	udp_start balancer one 5001
	udp_start balancer two 5002
	registrar_start
}

registrar_start() {
	start balancer "$XDPLB_CONFIG" registrar "$@"
	REGISTRAR=$STARTED
	listens balancer udp 7475
}

# registers SERVICE PORT [OPTION...]: an answered registration from the balancer's machine.
registers() {
	config register "$1" --port "$2" "${@:3}"
}

# told LINE: the registrar prints it.
told() {
	eventually grep -qxF "$1" "$NET_DIR/balancer.log"
}

# split N [ADDRESS]: who answered how many of N datagrams of one socket.
split() {
	udp_ask balancer -n "$1" "${2:-$FLAT.10}" 5000 x | cut -d ' ' -f 1 | sort | uniq -c | xargs
}

test_registrar() {
	registrar_ready
	registers $REG4 5001 --weight 3
	registers $REG4 5002
	told "registration $REG4 :5001 weight 3 lifetime 30 s"
	told "registration $REG4 :5002 weight 1 lifetime 30 s"
	equal "weights 3 and 1" "300 one 100 two" "$(split 400)"
	registers $REG4 5002 --weight 3 --ttl 60
	told "registration $REG4 :5002 weight 3 lifetime 60 s"
	equal "3 and 3" "200 one 200 two" "$(split 400)"
	registers $REG4 5001 --goodbye
	told "registration $REG4 :5001 goodbye"
	equal "after a goodbye" "40 two" "$(split 40)"
	equal "counts" 840 "$(stat_of '[.services[].packets] | add')"
	in_ns balancer socat -u - UDP4-SENDTO:$FLAT.10:7475,bind=$FLAT.10:5009 <<<junk
	told "registration from $FLAT.10:5009 refused: registration_malformed"
}

test_registrar_ends() {
	local signal
	registrar_ready
	for signal in TERM INT HUP; do
		kill -$signal $REGISTRAR
		wait $REGISTRAR || fail "SIG$signal: status $?"
		refused 1 "registrar" register $REG4 --port 5001
		registrar_start
	done
	registers $REG4 5001
}

# What it applied holds without it, and ends when it should.
test_registrar_killed() {
	registrar_ready :5002
	registers $REG4 5001 --weight 3 --ttl 5
	kill -KILL $REGISTRAR
	equal "at once" "30 one 10 two" "$(split 40)"
	sleep 5
	equal "after its lifetime" "40 two" "$(split 40)"
}

# Renewed for a shorter time than before.
test_registrar_shortened() {
	registrar_ready :5002
	registers $REG4 5001 --weight 3 --ttl 3600
	equal "at first" "30 one 10 two" "$(split 40)"
	registers $REG4 5001 --weight 3 --ttl 1
	sleep 1.2
	equal "after its lifetime" "40 two" "$(split 40)"
}

test_registrar_key() {
	registrar_ready --registration-key "$NET_DIR/key"
	echo ff0102030405060708090a0b0c0d0e0f >"$NET_DIR/wrong"
	refused 1 "no answer" register $REG4 --port 5001
	told "registration from $FLAT.10:5001 refused: registration_key"
	refused 1 "no answer" register $REG4 --port 5002 --registration-key "$NET_DIR/wrong"
	told "registration from $FLAT.10:5002 refused: registration_key"
	registers $REG4 5001 --registration-key "$NET_DIR/key"
	told "registration $REG4 :5001 weight 1 lifetime 30 s"
	# The same bytes twice.
	in_ns balancer "$NET_PYTHON" "$HERE/replay.py" "$XDPLB_CONFIG" $REG4 5003 "$NET_DIR/key"
	told "registration $REG4 :5003 weight 7 lifetime 30 s"
	told "registration from $FLAT.10:5003 refused: registration_replay"
	equal "so often" 1 "$(grep -c ":5003 weight" "$NET_DIR/balancer.log")"
	equal "counted, each asked three times" "6 1 $(grep -c "^registration $REG4 .* weight" "$NET_DIR/balancer.log")" \
		"$(config -j stats | jq -r '"\(.drops.registration_key) \(.drops.registration_replay) \(.answers.registered)"')"
}

# What was said before a key was given counts no more, also of a listener that is known.
test_registrar_rekeyed() {
	registrar_ready --registration-key "$NET_DIR/key"
	registers $REG4 5003 --registration-key "$NET_DIR/key"
	config set-service $REG4 --registration-key none
	in_ns balancer "$NET_PYTHON" "$HERE/replay.py" "$XDPLB_CONFIG" $REG4 5003 "$NET_DIR/key" \
		bash -c 'until grep -q "weight 7" "$0"; do sleep 0.05; done; exec "$@"' "$NET_DIR/balancer.log" \
		"$XDPLB_CONFIG" set-service $REG4 --registration-key "$NET_DIR/key"
	told "registration $REG4 :5003 weight 7 lifetime 30 s"
	told "registration from $FLAT.10:5003 refused: registration_replay"
	registers $REG4 5003 --registration-key "$NET_DIR/key"
}

# By eth0, where the program is not, nobody registers; this machine does, at any of its addresses.
test_registrar_elsewhere() {
	registrar_ready
	config set-backends $REG6 --forward local --registration user
	eventually registered $REG6
	refused_client $REG4 5003
	refused_client $REG6 5003
	told "registration from $FLAT.2:5003 refused: registration_denied"
	told "registration from [fd71::2]:5003 refused: registration_denied"
	config set-service $REG6 --registration-from any --registration-key "$NET_DIR/key"
	in_ns client "$XDPLB_CONFIG" register $REG6 --port 5003 --registration-key "$NET_DIR/key"
	told "registration $REG6 :5003 weight 1 lifetime 30 s"
}

# refused_client SERVICE PORT: the client registers, and is not heard.
refused_client() {
	! in_ns client "$XDPLB_CONFIG" register $1 --port $2 2>"$NET_DIR/err" || fail "$1 took a client's registration"
	grep -q "no answer" "$NET_DIR/err" || fail "it says $(cat "$NET_DIR/err")"
}

test_registrar_ipv6() {
	registrar_ready
	stop $REGISTRAR
	config set-backends $REG6 --forward local --registration user
	registrar_start $REG6
	registers $REG6 5001 --weight 3
	registers $REG6 5002
	told "registration $REG6 :5001 weight 3 lifetime 30 s"
	equal "weights 3 and 1" "300 one 100 two" "$(split 400 fd71::10)"
	refused 1 "nobody takes registrations at" register $REG4 --port 5001
}

# said_as N: the Nth of what the registrar has said, once each: who gets no answer in time says it again.
said_as() {
	uniq "$NET_DIR/balancer.log" | sed -n "$1p"
}

test_registrar_json() {
	registrar_ready
	stop $REGISTRAR
	registrar_start -j
	registers $REG4 5001 --weight 2
	registers $REG4 5001 --goodbye
	in_ns client "$NET_PYTHON" -c "import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('$FLAT.10', 7475))"
	eventually grep -q refused "$NET_DIR/balancer.log"
	same_json "registered" '{"event": "registered", "client": "'$FLAT.10'", "client_port": 5001, "service": "'$REG4'",
		"backend": ":5001", "weight": 2, "lifetime": 30}' "$(said_as 1)"
	same_json "goodbye" '{"event": "goodbye", "client": "'$FLAT.10'", "client_port": 5001, "service": "'$REG4'",
		"backend": ":5001"}' "$(said_as 2)"
	same_json "refused" '{"event": "refused", "client": "'$FLAT.2'", "service": null, "reason": "registration_malformed"}' \
		"$(said_as 3 | jq 'del(.client_port)')"
}

# Services begin to need it, and end, while it runs.
test_registrar_follows() {
	local other=$FLAT.10:5005/udp
	registrar_ready
	config set-backends $REG6 --forward local --registration user
	config set-backends $other --forward local --registration user
	registers $other 5001
	eventually registered $REG6
	config del-service $REG6
	eventually unregistered $REG6
	config set registration-port=7476
	eventually registered $REG4 --registration-port 7476
	eventually told_times 3 'weight 1 lifetime 30 s'
}

# told_times N WORDS: the registrar has printed them in so many lines, not counting what was said again.
told_times() {
	[ "$(grep "$2" "$NET_DIR/balancer.log" | sort -u | wc -l)" = "$1" ]
}

registered() {
	registers "$1" 5002 "${@:2}" 2>/dev/null
}

unregistered() {
	! registers "$1" 5002 2>"$NET_DIR/err" && grep -q "nobody takes registrations" "$NET_DIR/err"
}

test_registrar_not_needed() {
	topo_flat 0
	config load lo
	refused 1 "--registration user" registrar
	refused 1 "$REG4: no such service" registrar $REG4
	config set-backends $REG4 --forward local --registration kernel
	refused 1 "$REG4: no such service, or" registrar $REG4
	config set-service $REG4 --registration user
	udp_start balancer other 7475
	refused 1 "$FLAT.10:7475/udp is taken" registrar
	stop $STARTED
	config set-backends 192.0.2.9:5000/udp --forward local --registration user
	refused 1 "ip address add 192.0.2.9/32" registrar
	refused 2 "too many" registrar $REG4 $REG6
}

# The same where the program takes registrations: with the shorter life it is out earlier.
test_registration_shortened() {
	topo_flat 0
	config load lo
	config set-backends $REG4 --forward local --registration kernel :5002
	udp_start balancer one 5001
	udp_start balancer two 5002
	registers $REG4 5001 --weight 3 --ttl 3600
	equal "at first" "30 one 10 two" "$(split 40)"
	registers $REG4 5001 --weight 3 --ttl 1
	sleep 1.2
	equal "after its lifetime" "40 two" "$(split 40)"
}
