# shellcheck shell=bash
# Both CPUs on the same few buckets.

RACE_BACKENDS=6

# race_backends SERVICE: words for some of its backends, which no other service has, with random
# weights and states.
race_backends() {
	local n word states=(up up up up up drain down backup)
	mapfile -t words < <(backend_addresses "$2" 64)
	for ((n = 0; n < RACE_BACKENDS; n++)); do
		[ $((RANDOM % 5)) != 0 ] || [ "$n" = 0 ] || continue
		word=${words[$1 * RACE_BACKENDS + n]},weight=$((1 + RANDOM % 4))
		[ "$n" = 0 ] || word+=,state=${states[RANDOM % 8]}
		echo "$word"
	done
}

# race_set SERVICE FAMILY PORT/PROTO OPTION...
race_set() {
	local service=$SERVICE4
	[ "$2" = 4 ] || service=$SERVICE6
	# shellcheck disable=SC2046 # addresses hold no blanks
	config set-backends -p /sys/fs/bpf/race "$service:$3" "${@:4}" $(race_backends "$1" "$2")
}

# race_service N: sets service N, as it is at first or, with any more arguments, as it may be later.
race_service() {
	local schedulers=(rr wrr lc wlc sh maglev p2c) methods=(dsr dnat nat)
	local scheduler=() method=()
	if [ $# -gt 1 ]; then
		[ $((RANDOM % 3)) != 0 ] || scheduler=(--scheduler "${schedulers[RANDOM % 7]}")
		[ $((RANDOM % 6)) != 0 ] || method=(--forward "${methods[RANDOM % 3]}")
	fi
	case $1 in
	0) race_set 0 4 8000/tcp "${scheduler[@]:---scheduler=wrr}" "${method[@]:---forward=dsr}" --window 2 ;;
	1) race_set 1 4 8001/tcp "${scheduler[@]:---scheduler=wrr}" --forward nat ;;
	2) race_set 2 4 8002/tcp "${scheduler[@]:---scheduler=maglev}" --forward dsr --window 1 ;;
	3) race_set 3 4 8003/tcp --scheduler wlc --forward dnat ;;
	4) race_set 4 4 8004/tcp --scheduler rr --forward dsr --affinity client/30,5 ;;
	5) race_set 5 6 8000/tcp "${scheduler[@]:---scheduler=p2c}" --forward nat ;;
	6) race_set 6 6 8001/tcp "${scheduler[@]:---scheduler=sh}" --forward dsr --window 1 --slow-start 2 ;;
	7) race_set 7 4 8005/udp --scheduler maglev --forward dsr --window 1 --timeout udp=1 ;;
	8) race_set 8 4 8006/udp --scheduler lc --forward nat --timeout udp=1 ;;
	esac
}

RACE_SERVICES=9

# What xdplb-config changes meanwhile, until NET_DIR/race.over exists.
race_changes() {
	local n count
	for ((count = 0; ; count++)); do
		[ ! -e "$NET_DIR/race.over" ] || break
		n=$((RANDOM % RACE_SERVICES))
		if [ "$n" = 0 ] && [ $((RANDOM % 4)) = 0 ]; then
			config del-service -p /sys/fs/bpf/race "$SERVICE4:8000/tcp"
			sleep 0.5 # so that who looked before it and after it has seen that it was gone
		fi
		race_service "$n" changed
		sleep 0.05
	done
	echo "$count changes of the configuration meanwhile"
}

# Flows of services that are deleted expire at once.
race_expire() {
	config flush -p /sys/fs/bpf/race
	in_ns balancer testing/build/swept "$(program_id race)" "$RACE_IN" 20
}

# Shares of rr and wrr, of flows that two CPUs open at once.
race_shares() {
	local words
	bench_balancer shares --flows 1048576
	mapfile -t words < <(backend_addresses 4 7)
	config set-backends -p /sys/fs/bpf/shares "$SERVICE4:8000" --scheduler rr --forward dsr "${words[@]}"
	config set-backends -p /sys/fs/bpf/shares "$SERVICE4:8001" --scheduler wrr --forward dsr \
		"${words[0]},weight=5" "${words[1]}" "${words[2]},weight=3" "${words[3]}"
	config set-backends -p /sys/fs/bpf/shares "$SERVICE4:8002" --scheduler wrr --forward nat \
		"${words[@]/%/,weight=2}" "$(backend_addresses 4 8 | tail -n 1),weight=11"
	in_ns balancer testing/build/shares testing/build/bench.bpf.o "$RACE_IN" "$(program_id shares)" 70000 \
		8000 8001 8002
}

# race [SECONDS]
race() {
	local changes failed=0 n
	RACE_IN=$(in_ns balancer ip -o link show eth0 | cut -d: -f1)
	bench_balancer race --flows 64
	for ((n = 0; n < RACE_SERVICES; n++)); do race_service "$n"; done
	race_changes >"$NET_DIR/race.log" 2>&1 &
	changes=$!
	NET_TIMEOUT=$((${1:-60} + 60)) in_ns balancer testing/build/race testing/build/bench.bpf.o \
		"$(program_id race)" "$RACE_IN" "${1:-30}" || failed=1
	touch "$NET_DIR/race.over"
	wait "$changes" || true
	grep -v ' warning: ' "$NET_DIR/race.log" | sort | uniq -c | sed 's/^ */# said by xdplb-config: /; s/said by.*: 1 \(.* meanwhile\)/\1/'
	race_expire || failed=1
	race_shares || failed=1
	return "$failed"
}
