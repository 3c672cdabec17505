# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# Commands that are killed, and those that run at the same time.

# killed SECONDS ARGUMENT...: a command that gets kill -9 after that time, if it still runs.
killed() {
	in_ns balancer timeout -s KILL "$1" "$XDPLB_CONFIG" "${@:2}" 2>/dev/null || true
}

# The first command makes the balancer ready; no block of ports may be given out twice after it.
test_killed_first() {
	local after
	topo_flat 2
	echoes 2
	attach eth0
	for after in 0.004 0.008 0.012 0.016; do
		killed $after set-backends $FLAT.10:7000/udp $FLAT.11
	done
	config set-backends $FLAT.10:7000/udp $FLAT.11 $FLAT.12
	flows client -u -p 20000 $FLAT.10 7000 8000 >"$NET_DIR/one.out"
	flows client -u -r 1 -p 20000 $FLAT.10 7000 8000 >"$NET_DIR/again.out"
	cmp "$NET_DIR/one.out" "$NET_DIR/again.out"
	equal counted 8000 "$(stat_of .services[0].new_flows)"
}

# Whatever a killed command leaves, the next ones see whole services, each once, and can remove them.
test_killed_often() {
	local i
	flat 2
	config set-backends $FLAT.10:8000 $FLAT.11
	for i in {1..40}; do
		killed 0.0$((RANDOM % 60 + 10)) set-backends $FLAT.10:$((100 + i % 10)) $FLAT.11 $FLAT.12
		[ $((i % 4)) != 0 ] || killed 0.0$((RANDOM % 60 + 10)) del-service $FLAT.10:$((100 + i % 10))
	done
	equal answer backend1 "$(http_get client http://$FLAT.10:8000/)"
	for i in {0..9}; do config set-backends $FLAT.10:$((100 + i)) $FLAT.11; done
	equal "services listed" 11 "$(config -j list | jq '[.[].service] | length')"
	equal "services that differ" 11 "$(config -j list | jq '[.[].service] | unique | length')"
	for i in {0..9}; do config del-service $FLAT.10:$((100 + i)); done
	equal left "$FLAT.10:8000/tcp" "$(config -j list | jq -r '.[].service' | xargs)"
	equal answer backend1 "$(http_get client http://$FLAT.10:8000/)"
}

changes() {
	local i
	for i in {1..40}; do
		config set-backends $FLAT.10:200 $FLAT.11 $FLAT.12
		config del-service $FLAT.10:200
	done
}

test_readers_beside_writers() {
	local writer reads=0
	flat 2
	changes &
	writer=$!
	while kill -0 $writer 2>/dev/null; do
		config -j stats >/dev/null
		config -j list >/dev/null
		reads=$((reads + 1))
	done
	wait $writer
	[ $reads -gt 3 ] || fail "only $reads reads"
}

# readonly_bpffs COMMAND...: while nothing can be written in the BPF file system.
readonly_bpffs() {
	local status=0
	mount -o remount,ro /sys/fs/bpf
	"$@" || status=$?
	mount -o remount,rw /sys/fs/bpf
	return $status
}

# What cannot be pinned is not attached; what is there goes on, can be changed, and is all there afterwards.
test_readonly_bpffs() {
	flat_unloaded 2
	readonly_bpffs refused 1 "ead-only" load eth0
	equal "program" null "$(in_ns balancer ip -j link show eth0 | jq -c '.[0].xdp')"
	config load eth0
	config set-backends $FLAT.10:8000 $FLAT.11
	readonly_bpffs config set-backends $FLAT.10:8000 $FLAT.12
	equal "changed meanwhile" backend2 "$(http_get client http://$FLAT.10:8000/)"
	readonly_bpffs refused 1 "ead-only" load eth0
	equal "goes on" backend2 "$(http_get client http://$FLAT.10:8000/)"
	equal "pins" $PINS "$(readonly_bpffs config -j status | jq -r '.balancers[0].pins')"
	readonly_bpffs refused 1 "cannot be removed (Read-only file system)" unload eth0
	equal "services that are left" 1 "$(config -j list | jq length)"
	equal "an interface that is left" eth0 "$(config -j status | jq -r '.balancers[0].interfaces[].interface')"
	config unload eth0
	[ ! -e $PINS ] || fail "pins are left"
}

# flat_unloaded N: as flat, without the program.
flat_unloaded() {
	local i
	topo_flat "$1"
	for ((i = 1; i <= $1; i++)); do http_start "backend$i" "backend$i" 8000; done
}

# A disk that is full: neither what is printed nor the lock is half done.
test_full_disk() {
	local status before command
	flat 2
	config set-backends $FLAT.10:8000 $FLAT.11
	for command in list stats flows status save "stats --prometheus"; do
		status=0
		config $command >/dev/full 2>"$NET_DIR/err" || status=$?
		equal "status of $command" 1 $status
		grep -q "cannot write the output" "$NET_DIR/err" || fail "$command: $(cat "$NET_DIR/err")"
	done
	before=$(config save)
	status=0
	in_ns balancer unshare --mount sh -c 'mount -t tmpfs -o nr_inodes=1 full /run && exec "$@"' sh \
		"$XDPLB_CONFIG" set-backends $FLAT.10:8000 $FLAT.12 2>"$NET_DIR/err" || status=$?
	equal "status without a lock" 1 $status
	grep -q "/run/xdplb.lock" "$NET_DIR/err" || fail "no word of the lock: $(cat "$NET_DIR/err")"
	equal "nothing is changed" "$before" "$(config save)"
	# Who only looks needs none that nobody can have.
	for status in nr_inodes=1 ro; do
		equal "save, /run $status" "$before" "$(in_ns balancer unshare --mount sh -c \
			'mount -t tmpfs -o "$1" full /run && shift && exec "$@"' sh $status "$XDPLB_CONFIG" save)"
	done
	equal "answers" backend1 "$(http_get client http://$FLAT.10:8000/)"
}
