# shellcheck shell=bash disable=SC2034,SC2086,SC2154 # addresses hold no blanks
# Another size of the flow table, while the balancer works.

NAT=198.51.100.7 # its services are nat's and dnat's
DSR=198.51.100.8

# room: how many flows the table has room for.
room() {
	config -j status | jq '.balancers[0].flows_max'
}

# remembered N: so many flows are, or more.
remembered() {
	[ "$(config -j flows | jq length)" -ge "$1" ]
}

# lost_nothing: no packet was dropped, or not known, or served by its hash.
lost_nothing() {
	equal "$1: drops, unknown flows and flows without room" "{} 0 {}" \
		"$(config -j stats | jq -r '[(.drops | del(.[] | select(. == 0)) | tostring), (.passed.no_flow // 0),
			(.flows | del(.expired, .evicted) | del(.[] | select(. == 0)) | tostring)] | join(" ")')"
}

# one_table SIZE: that is the balancer's, and nothing is left of another.
one_table() {
	equal room "$1" "$(room)"
	equal "pins of two tables" "" "$(find $PINS -name 'xdplb_old' -o -name 'xdplb_resize' -o -name 'xdplb_beside')"
	# The kernel lets go of a replaced program of a qdisc when it comes to it.
	eventually no_two_tables
}

no_two_tables() {
	[ -z "$(two_tables)" ]
}

# two_tables: the programs of this balancer that know two; the kernel calls both the same.
two_tables() {
	bpftool -j map show | jq '[.[] | select(.name == "xdplb_flows") | .id]' >"$NET_DIR/tables"
	bpftool -j prog show | jq -r --slurpfile tables "$NET_DIR/tables" \
		--argjson config "$(bpftool -j map show pinned $PINS/xdplb_config | jq .id)" \
		'.[] | (.map_ids // []) as $maps | select(($maps | index($config)) and ($maps - $tables[0] | length) < ($maps | length) - 1) | .id'
}

# two_armed [OPTION...]: a balancer between clients and two servers, on both interfaces, with a service by nat.
two_armed() {
	topo_two_armed 2
	route client $NAT 10.72.0.10
	echoes 2
	config load "$@" eth0 eth1
	config set-backends $NAT:7000 $ARMED.11 $ARMED.12
}

# all_methods [OPTION...]: the same, with a service of each kind.
all_methods() {
	local i
	two_armed "$@"
	route client $DSR 10.72.0.10
	forwards balancer
	config set-backends $NAT:7000/udp $ARMED.11 $ARMED.12
	config set-backends --forward dnat $NAT:7001 $ARMED.11:7000 $ARMED.12:7000
	config set-backends --affinity client $NAT:7002 $ARMED.11:7000 $ARMED.12:7000
	config set-backends --forward dsr $DSR:7000 $ARMED.11 $ARMED.12
	for i in 1 2; do
		config backend-setup $DSR:7000 $ARMED.1$i >"$NET_DIR/setup"
		in_ns backend$i sh -e "$NET_DIR/setup"
	done
}

# all_flows: 450 flows by every method, which go on until all_finish.
all_flows() {
	lasting_flows client nat -p 20000 $NAT 7000 150
	lasting_flows client dnat -p 21000 $NAT 7001 100
	lasting_flows client dsr -p 22000 $DSR 7000 100
	lasting_flows client sticky -p 23000 $NAT 7002 50
	lasting_flows client asked -u -s -p 24000 $NAT 7000 50
	eventually remembered 450
}

all_finish() {
	local kind
	for kind in nat:150 dnat:100 dsr:100 sticky:50 asked:50; do
		finish ${kind%:*}
		equal "flows by ${kind%:*}" ${kind#*:} "$(wc -l <"$NET_DIR/${kind%:*}.out")"
	done
}

# begin_flows: others that begin and end, until NET_DIR/begin.go.
begin_flows() {
	local first=30000
	while [ ! -e "$NET_DIR/begin.go" ]; do
		flows client -r 1 -p $first $NAT 7000 20
		flows client -r 1 -p $((first + 50)) $NAT 7001 20
		flows client -u -s -r 1 -p $first $NAT 7000 20
		flows client -r 1 -p $first $NAT 7002 1
		first=$((first + 100))
	done
}

# resized FROM TO: under load, on all interfaces by one command; no packet is lost, no flow moves, new ones begin.
resized() {
	local sticky
	all_methods --flows $1
	all_flows
	background begin begin_flows
	config load --flows $2 eth0
	one_table $2
	lost_nothing "$1 to $2"
	finish begin
	all_finish
	lost_nothing "in the end"
	sticky=$(cut -d ' ' -f 1 "$NET_DIR/sticky.out" | sort -u)
	equal "backends of a client that is sticky" 1 "$(wc -w <<<"$sticky")"
	equal "its next one" "$sticky" "$(flows client -r 1 $NAT 7002 1 | cut -d ' ' -f 1)"
	equal "flows that began by dsr" 100 "$(stat_of '.services[] | select(.service == "'$DSR':7000/tcp").new_flows')"
}

test_resize_grown() {
	resized 2048 262144
}

test_resize_shrunk() {
	resized 262144 8192
}

# Counts and ports go with the flows: when all have ended, none is left.
test_resize_accounts() {
	topo_flat 2
	echoes 2
	config load --flows 1024 eth0
	config set-backends --timeout closing=1 $FLAT.10:7000 $FLAT.11 $FLAT.12
	lasting_flows client held -p 20000 $FLAT.10 7000 200
	eventually remembered 200
	config load --flows 4096 eth0
	equal "active flows" "200 100 100" \
		"$(config -j stats | jq -r '[.services[0] | .active_flows, .backends[].active_flows] | join(" ")')"
	equal "groups of ports in use" 2 "$(groups_in_use)"
	finish held
	eventually idle
	sleep 4
	eventually idle
	equal "groups of ports in use" 0 "$(groups_in_use)"
}

# idle: packets pass, and no flow is active any more.
idle() {
	in_ns client bash -c 'for ((i = 0; i < 20; i++)); do echo >"/dev/udp/$1/9"; sleep 0.01; done' sh $FLAT.10
	[ "$(stat_of .services[0].active_flows) $(config -j flows | jq length)" = "0 0" ]
}

# groups_in_use: of ports, which those of the first pools have.
groups_in_use() {
	local pool
	for pool in 1 2 3 4; do
		bpftool -j map lookup pinned $PINS/xdplb_pools key $pool 0 0 0
	done | jq '.formatted.value.owned[] | select(. != 0)' | wc -l
}

# A table that is too small is refused before anything changes.
test_resize_too_small() {
	topo_flat 2
	echoes 2
	config load --flows 1024 eth0
	config set-backends $FLAT.10:7000 $FLAT.11 $FLAT.12
	lasting_flows client held -p 20000 $FLAT.10 7000 200
	eventually remembered 200
	refused 1 "200 flows go on" load --flows 256 eth0
	grep -q -- "--flows 512" "$NET_DIR/err" || fail "it does not say which would do: $(cat "$NET_DIR/err")"
	one_table 1024
	config load --flows 512 eth0
	one_table 512
	finish held
	equal connections 200 "$(wc -l <"$NET_DIR/held.out")"
}

# Flows that nobody waits for any more take no room.
test_resize_expired() {
	topo_flat 1
	echoes 1
	config load --flows 4096 eth0
	config set-backends --timeout udp=1 $FLAT.10:7000/udp $FLAT.11
	flows client -u -r 1 -p 20000 $FLAT.10 7000 400 >"$NET_DIR/gone.out"
	sleep 2.5
	config load --flows 64 eth0
	one_table 64
	equal answered 10 "$(flows client -u -p 30000 $FLAT.10 7000 10 | wc -l)"
}

# Killed at whatever moment, while flows go on: the next command ends what that one began.
test_resize_killed() {
	local i size after
	two_armed --flows 1024
	config set-backends --forward dnat $NAT:7001 $ARMED.11:7000 $ARMED.12:7000
	lasting_flows client nat -p 20000 $NAT 7000 150
	lasting_flows client dnat -p 21000 $NAT 7001 100
	eventually remembered 250
	for i in 1 2 3; do
		size=$((1024 << (i % 3 + 1)))
		after=$((RANDOM % 4)).$((RANDOM % 10))$((RANDOM % 10))
		in_ns balancer timeout -s KILL $after "$XDPLB_CONFIG" load --flows $size eth0 2>"$NET_DIR/killed.err" || true
		equal "flows after a kill at $after s" 250 "$(config -j flows | jq '[.[] | select(.client_port >= 20000 and .client_port < 22000)] | length')"
		equal "a new one after a kill at $after s" 1 "$(flows client -r 1 -p $((30000 + i)) $NAT 7000 1 | wc -l)"
	done
	config load --flows 16384 eth1
	one_table 16384
	finish nat
	finish dnat
	equal flows "150 100" "$(wc -l <"$NET_DIR/nat.out") $(wc -l <"$NET_DIR/dnat.out")"
	lost_nothing "in the end"
}

# count_two: how many interfaces have a program that knows two tables.
count_two() {
	two_tables >"$NET_DIR/two"
	in_ns balancer ip -j link | jq '.[].xdp.prog.id // empty' | grep -cxFf "$NET_DIR/two" || true
}

# two_on N
two_on() {
	[ "$(count_two)" = "$1" ]
}

# one_again: there is one table, which one of two programs does not know yet.
one_again() {
	[ ! -e $PINS/xdplb_old ] && two_on 1
}

# load_or_die FLOWS
load_or_die() {
	config load --flows $1 eth0 || true
}

# programs: of both interfaces.
programs() {
	in_ns balancer ip -j link | jq -r '.[].xdp.prog.id // empty' | xargs
}

# killed_when FLOWS N WHAT...: a load that is killed as soon as it has replaced a program N times, the first of which is
# any load's, with one table. Status 1 when it has ended before, or it is not so then.
killed_when() {
	local count=0 now before
	before=$(programs)
	background load load_or_die $1
	while [ $count -lt $2 ]; do
		kill -0 "$JOB_load" 2>/dev/null || return 1
		now=$(programs)
		[ "$now" = "$before" ] || count=$((count + 1))
		before=$now
	done
	pkill -KILL -x xdplb-config || true
	joined load
	"${@:3}"
}

# surely_killed_when FLOWS N WHAT...: tries it until the moment is met.
surely_killed_when() {
	local try
	for try in {1..10}; do
		! killed_when "$@" || return 0
		config load eth0
		config load --flows 2048 eth0
	done
	fail "$try loads were never killed when ${*:3}"
}

# Killed when not all programs know both tables yet, or not all know that there is one again: who asks meanwhile is told
# of all flows, by whatever program it finds the tables.
test_resize_killed_between() {
	local size count when interface
	two_armed --flows 2048
	lasting_flows client held -p 20000 $NAT 7000 200
	eventually remembered 200
	while read -r size count when; do
		surely_killed_when $size $count $when
		for interface in eth0 eth1; do
			equal "flows by $interface, $when, to $size" 200 "$(config -j -d $interface flows | jq length)"
		done
		equal "active flows, $when, to $size" 200 "$(stat_of .services[0].active_flows)"
		config load eth0
		one_table $size
	done <<-END
		512 2 two_on 1
		8192 4 one_again
		512 3 two_on 2
		8192 2 two_on 1
	END
	finish held
	equal flows 200 "$(wc -l <"$NET_DIR/held.out")"
	lost_nothing "in the end"
}

# Listeners' replies are translated on the way out, by a program that goes over too.
test_resize_local() {
	topo_flat 0
	echo_start balancer one 5001
	config load --flows 1024 eth0 lo
	config set-backends --forward local $FLAT.10:5000 :5001
	config set-backends --forward local --udp tracked $FLAT.10:5000/udp :5001
	lasting_flows client held -p 20000 $FLAT.10 5000 50
	lasting_flows client asked -u -s -p 21000 $FLAT.10 5000 50
	eventually remembered 100
	config load --flows 8192 eth0
	one_table 8192
	finish held
	finish asked
	equal flows "50 50" "$(wc -l <"$NET_DIR/held.out") $(wc -l <"$NET_DIR/asked.out")"
	lost_nothing "in the end"
}
