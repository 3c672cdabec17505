# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# Backends come and go while they are in use.

test_change_in_download() {
	flat 3
	config set-backends $FLAT.10:8000 $FLAT.11 $FLAT.12
	slow_download kept $FLAT.10
	config set-backends $FLAT.10:8000 $FLAT.11 $FLAT.13
	equal "after the change" "backend1 backend3 backend1 backend3" "$(answers 4 http://$FLAT.10:8000/)"
	config set-backends $FLAT.10:8000 $FLAT.12 $FLAT.11,weight=7 $FLAT.13
	config set-weight $FLAT.10:8000 $FLAT.11 3
	finish kept
	equal backend backend1 "$(cat "$NET_DIR/kept.out")"
}

test_removed_backend_finishes() {
	flat 3
	config set-backends $FLAT.10:8000 $FLAT.11 $FLAT.12
	slow_download one $FLAT.10
	slow_download two $FLAT.10
	config set-backends $FLAT.10:8000 $FLAT.13
	# More changes, whose new backends could take the places of the old.
	config set-backends $FLAT.10:8000 $FLAT.13 $FLAT.13:8001,state=drain $FLAT.13:8002,state=drain
	config set-backends $FLAT.10:8000 $FLAT.13 $FLAT.13:8003,state=drain $FLAT.13:8004,state=drain
	equal "new flows" "backend3 backend3" "$(answers 2 http://$FLAT.10:8000/)"
	finish one
	finish two
	equal backends "backend1 backend2" "$(cat "$NET_DIR/one.out" "$NET_DIR/two.out" | xargs)"
}

# drained: no new flows, what runs goes on; down: what runs ends.
test_state_drain() {
	flat 2
	config set-backends $FLAT.10:8000 $FLAT.11 $FLAT.12
	slow_download one $FLAT.10
	config set-backends $FLAT.10:8000 $FLAT.11,state=drain $FLAT.12
	equal "new flows" "backend2 backend2" "$(answers 2 http://$FLAT.10:8000/)"
	finish one
	equal backend backend1 "$(cat "$NET_DIR/one.out")"
}

test_state_backup() {
	flat 2
	config set-backends $FLAT.10:8000 $FLAT.11 $FLAT.12,state=backup
	equal "with one up" "backend1 backend1" "$(answers 2 http://$FLAT.10:8000/)"
	config set-backends $FLAT.10:8000 $FLAT.11,state=down $FLAT.12,state=backup
	equal "with none up" "backend2 backend2" "$(answers 2 http://$FLAT.10:8000/)"
}

# Sixty changes under 800 held connections; none breaks.
test_changes_under_load() {
	local i
	topo_flat 3
	echoes 3
	attach eth0
	config set-backends $FLAT.10:7000 $FLAT.11 $FLAT.12 $FLAT.13
	lasting_flows client held $FLAT.10 7000 800
	eventually more_than 799
	for ((i = 0; i < 30; i++)); do
		config set-backends $FLAT.10:7000 $FLAT.11,weight=$((i % 5 + 1)) $FLAT.1$((i % 2 + 2))
		config set-weight $FLAT.10:7000 $FLAT.11 9
	done
	finish held
	equal flows 800 "$(wc -l <"$NET_DIR/held.out")"
}

# Deleted and made again: new flows are served by the new one.
test_service_again() {
	flat 2
	config set-backends $FLAT.10:8000 $FLAT.11
	equal first backend1 "$(answers 1 http://$FLAT.10:8000/)"
	config del-service $FLAT.10:8000
	! http_get client http://$FLAT.10:8000/ 2>/dev/null || fail "a deleted service answers"
	config set-backends $FLAT.10:8000 $FLAT.12
	equal second "backend2 backend2" "$(answers 2 http://$FLAT.10:8000/)"
}

# A source port that is used again and again, faster than TIME-WAIT.
test_port_reuse() {
	local i
	flat 2
	config set-backends $FLAT.10:8000 $FLAT.11 $FLAT.12
	in_ns client sysctl -qw net.ipv4.tcp_tw_reuse=1
	for ((i = 0; i < 20; i++)); do
		flows_once || fail "connection $i from the same port got no answer"
	done
}

# flows_once: a request whose client closes by reset, so that its port is free at once.
flows_once() {
	in_ns client "$NET_PYTHON" - <<-END
		import socket, struct
		s = socket.socket()
		s.settimeout(5)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		s.bind(("", 45678))
		s.connect(("$FLAT.10", 8000))
		s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		assert b"backend" in s.recv(4096)
	END
}

# A change looks at every port again, and takes none of those that are free from new flows.
test_change_beside_many_flows() {
	local weight
	topo_flat 1
	echoes 1
	own_range 1500 4000
	attach eth0
	config set-backends $FLAT.10:7000/udp $FLAT.11
	flows client -u -r 1 -p 20000 $FLAT.10 7000 12000 >"$NET_DIR/many.out"
	for weight in 2 3 4; do
		config set-weight $FLAT.10:7000/udp $FLAT.11 $weight
		flows client -u -r 1 -p $((40000 + 10 * weight)) $FLAT.10 7000 6 >>"$NET_DIR/new.out"
	done
	equal "new flows" 18 "$(wc -l <"$NET_DIR/new.out")"
	equal drops 0 "$(stat_of '[.drops[]] | add')"
}
