# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# Several balancers behind a router that spreads flows over them (ECMP), with BIRD on each, configured as
# docs/scale-out.md has it: transfers go on whatever becomes of the balancers.
#
#	client .2 --- 10.72.0.0/24 --- .1 router .1 --- 10.71.0.0/24 --+-- .21 balancer1 ...
#	                                                               +-- .11 backend1 ...

SCALE=$TOP/docs/scale-out
VIP4=198.51.100.7
VIP6=2001:db8::7
SEED=8f1c0de26ab94d7e53c1f0a97b24e68d

# scale BALANCERS [START]: so many of three balancers, started by that, announce the service's addresses; the router
# sends each its share.
scale() {
	local i
	needs bird
	family 4
	switch_add clients lan
	host_add client
	wire client eth0 clients 10.72.0.2/24 fd72::2/64
	host_add router
	wire router eth0 clients 10.72.0.1/24 fd72::1/64
	wire router eth1 lan $FLAT.1/24 fd71::1/64
	forwards router
	ns_sysctl router ipv4/fib_multipath_hash_policy 1
	ns_sysctl router ipv6/fib_multipath_hash_policy 1
	add_backends 3 71 lan
	for i in 1 2 3; do balancer_host $i; done
	for i in client:72 backend1:71 backend2:71 backend3:71 balancer1:71 balancer2:71 balancer3:71; do
		route ${i%:*} default 10.${i#*:}.0.1
		route ${i%:*} default fd${i#*:}::1
	done
	wires_ready
	for i in 1 2 3; do http_start backend$i backend$i 8000; done
	bird_start router router.conf
	backends_ready
	for ((i = 1; i <= $1; i++)); do ${2:-balancer_start} $i; done
	announced_by $1
}

# backends_ready: for what the balancers send them, before checks are sent so too: a backend that comes up only then
# would open a window, in which new connections that are moved break, as the page says.
backends_ready() {
	local i
	balancer_load 1
	of 1 apply "$NET_DIR/balancer1.yaml"
	for i in 1 2 3; do arm $i; done
}

balancer_host() {
	host_add balancer$1
	wire balancer$1 eth0 lan $FLAT.2$1/24 fd71::2$1/64
	forwards balancer$1
}

# bird_start HOST CONFIGURATION
bird_start() {
	cp "$SCALE/$2" "$NET_DIR/$1.conf"
	bird_run $1
}

bird_run() {
	start $1 bird -f -c "$NET_DIR/$1.conf" -s "$NET_DIR/$1.bird" -P "$NET_DIR/$1.birdpid"
}

# on N COMMAND...: on balancer N, which has a /run of its own as it would have on a machine of its own.
on() {
	in_ns balancer$1 "${OWN_RUN[@]}" "$NET_DIR/run$1" "${@:2}"
}

OWN_RUN=(unshare --mount sh -c 'mount --bind "$0" /run && exec "$@"')

# of N COMMAND ARGUMENT...: xdplb-config there.
of() {
	on $1 "$XDPLB_CONFIG" "$2" -p $PINS$1 "${@:3}"
}

# balancer_start N [SEED]: as the files say, or with another seed than they say.
balancer_start() {
	balancer_load "$@"
	daemon_start $1
	bird_start balancer$1 balancer.conf
}

balancer_load() {
	mkdir -p "$NET_DIR/run$1"
	sed "s/seed: .*/seed: ${2:-$SEED}/" "$SCALE/${FILE:-xdplb.yaml}" >"$NET_DIR/balancer$1.yaml"
	of $1 load eth0
}

# daemon_start N: its process is in NET_DIR/runN/pid.
daemon_start() {
	rm -f "$NET_DIR/run$1/pid"
	start balancer$1 "${OWN_RUN[@]}" "$NET_DIR/run$1" \
		sh -c 'echo $$ >/run/pid && exec "$@"' sh "$TOP/loader/xdplbd" -p $PINS$1 "$NET_DIR/balancer$1.yaml"
	eval "DAEMON_$1=$STARTED"
	eventually test -s "$NET_DIR/run$1/pid"
}

# signal N SIGNAL: to the daemon.
signal() {
	kill -"$2" "$(cat "$NET_DIR/run$1/pid")"
}

# by_hand N: without the daemon; what it would announce is announced as the page says.
by_hand() {
	balancer_load $1
	of $1 apply "$NET_DIR/balancer$1.yaml"
	bird_start balancer$1 balancer.conf
	in_ns balancer$1 ip route add unreachable $VIP4 table 88 proto 88
	in_ns balancer$1 ip route add unreachable $VIP6 table 88 proto 88
}

withdraw_by_hand() {
	in_ns balancer$1 ip route del unreachable $VIP4 table 88 proto 88
	in_ns balancer$1 ip route del unreachable $VIP6 table 88 proto 88
}

# arm N: backend N made ready, for both addresses, as backend-setup says.
arm() {
	of 1 backend-setup $VIP4:8000 $FLAT.1$1 >"$NET_DIR/setup"
	[ -z "$VIP6" ] || of 1 backend-setup "[$VIP6]:8000" fd71::1$1 >>"$NET_DIR/setup"
	in_ns backend$1 sh -e "$NET_DIR/setup"
}

# hops 4|6: to how many balancers the router sends.
hops() {
	local address=VIP$1
	in_ns router ip -j -$1 route show ${!address} | jq '[.[0] | .nexthops[]?, select(.gateway) | .gateway] | length'
}

announced_by() {
	within 30 hops_are $1
}

hops_are() {
	[ "$(hops 4)-$(hops 6)" = "$1-$1" ]
}

# ---- transfers ------------------------------------------------------------------------------

# begin N: N downloads of each family, under way.
begin() {
	local i
	for ((i = 1; i <= $1; i++)); do
		slow_download four$i $VIP4
		slow_download six$i $VIP6
	done
}

# end N: they arrive whole.
end() {
	local i
	for ((i = 1; i <= $1; i++)); do
		finish four$i
		finish six$i
	done
}

# packets N: of both services, that balancer N has seen.
packets() {
	of $1 -j stats | jq '[.services[].packets] | add'
}

# works N: transfers go by it.
works() {
	local before
	before=$(packets $1)
	eventually saw_more $1 $((before + 50))
}

saw_more() {
	[ "$(packets $1)" -gt $2 ]
}

# idle N: no transfer goes by it.
idle() {
	local before
	before=$(packets $1)
	sleep 1
	equal "packets of balancer$1 in a second" 0 $(($(packets $1) - before))
}

# remembers_nothing N: what it does it does by the slots alone.
remembers_nothing() {
	equal "flows remembered by balancer$1" 0 "$(of $1 -j flows | jq length)"
}

# power_off N: nobody says goodbye.
power_off() {
	in_ns switch ip link set balancer$1-eth0 down
}

test_scale_killed() {
	scale 2
	begin 6
	works 1
	works 2
	power_off 2
	announced_by 1
	works 1
	end 6
	remembers_nothing 1
}

# Without the daemon, by a route that is added and taken away.
test_scale_by_hand() {
	scale 2 by_hand
	begin 6
	works 2
	withdraw_by_hand 2
	announced_by 1
	idle 2
	of 2 unload eth0
	end 6
}

# A whole balancer drained: nothing comes any more, and all goes on by the other; then the same the other way round.
test_scale_drained() {
	scale 2
	begin 6
	works 2
	of 2 drain --wait 20 >"$NET_DIR/drain"
	grep -q '^2 addresses withdrawn; 2 s' "$NET_DIR/drain" || fail "drain said: $(cat "$NET_DIR/drain")"
	equal "last line of drain" "0 packets in a second" "$(tail -n 1 "$NET_DIR/drain")"
	hops_are 1 || fail "the router sends to $(hops 4) and $(hops 6) balancers"
	idle 2
	equal "status" "drained: no address is announced" "$(of 2 status | tail -n 1)"
	equal "doctor" "xdplb-config undrain" "$(of 2 doctor -j | jq -r '.[] | select(.finding == "drained").remedy')"
	on 2 "$XDPLB_CONFIG" undrain
	equal "status then" false "$(of 2 status -j | jq .drained)"
	announced_by 2
	works 2
	of 1 drain
	idle 1
	end 6
}

# has_program N
has_program() {
	in_ns balancer$1 ip -j link show eth0 | jq '.[0] | has("xdp")'
}

# It stops as the unit does it: the program goes, but not before nothing comes any more.
test_scale_stopped() {
	scale 2
	begin 6
	works 2
	background unload of 2 unload eth0
	announced_by 1
	# Nothing is sent there any more, and it forwards still.
	equal "program while the router follows" true "$(has_program 2)"
	joined unload
	equal "program afterwards" false "$(has_program 2)"
	end 6
	# It is not drained: with the program back, it is there again.
	of 2 load eth0
	announced_by 2
}

# A third one takes over connections whose beginning it has not seen.
test_scale_added() {
	scale 2
	begin 9
	balancer_start 3
	announced_by 3
	works 3
	equal "connections begun by balancer3" 0 "$(of 3 -j stats | jq '[.services[].new_flows] | add')"
	remembers_nothing 3
	end 9
}

# With a seed of its own it chooses otherwise: so the cases above can fail.
test_scale_other_seed() {
	local i broken=0
	scale 2
	begin 6
	balancer_start 3 10112233445566778899aabbccddeeff
	announced_by 3
	of 1 drain
	of 2 drain
	for i in {four,six}{1..6}; do
		touch "$NET_DIR/$i.go"
		eval "wait \$JOB_$i" || broken=$((broken + 1))
	done
	[ $broken -gt 1 ] || fail "only $broken of 12 transfers broke"
}

# What the router itself has to say of a connection, and all else that comes from elsewhere than its packets, may
# reach another balancer than it: here always. The quoted packet says which backend is meant.
test_scale_path_mtu() {
	scale 2
	in_ns router ip link set eth0 mtu 1400
	told_by_another 4 $VIP4 $FLAT.
	told_by_another 6 $VIP6 fd71::
}

# told_by_another 4|6 ADDRESS LAN: clients' packets go by balancer1, the router's own by balancer2.
told_by_another() {
	in_ns router ip -$1 route add $2 via ${3}22 table 100
	in_ns router ip -$1 rule add iif lo to $2 lookup 100
	in_ns router ip -$1 route add $2 via ${3}21 metric 1
	slow_download narrow$1 $2
	finish narrow$1
	[ "$(of 2 -j stats | jq "[.services[] | select(.service | contains(\"$2\")) | .packets] | add")" = 0 ] ||
		fail "clients' packets went by balancer2 too"
	[ "$(learned $1)" -gt 0 ] || fail "no backend has heard of 1400"
}

# learned 4|6: how many backends know that the way to the client is narrow.
learned() {
	local i client=10.72.0.2 count=0
	[ $1 = 4 ] || client=fd72::2
	for i in 1 2 3; do
		! in_ns backend$i ip -$1 route get $client | grep -q 'mtu 1400' || count=$((count + 1))
	done
	echo $count
}

# ---- what is announced when ------------------------------------------------------------------

# announced N: addresses in the table of balancer N.
announced() {
	{ in_ns balancer$1 ip -4 route show table 88; in_ns balancer$1 ip -6 route show table 88; } 2>/dev/null |
		sed -n 's/^unreachable \([^ ]*\) .*/\1/p' | xargs
}

announced_is() {
	[ "$(announced $1)" = "$2" ]
}

# servers N: they answer on all backends from now on, N of them.
servers() {
	local i
	for ((i = 1; i <= $1; i++)); do http_start backend$i backend$i 8000; done
}

# one: a balancer, without BIRD and without clients, whose backends are ready for what it sends them.
one() {
	local i
	switch_add lan
	add_backends 3 71 lan
	balancer_host 1
	wires_ready
	backends_ready
}

# event N NAME: how often the daemon of balancer N has said that.
event() {
	grep -c " event=$2 " "$NET_DIR/balancer$1.log" || true
}

# millis N EVENT: when it was said last, in milliseconds.
millis() {
	local time
	time=$(grep " event=$2 " "$NET_DIR/balancer$1.log" | tail -n 1 | sed 's/^time=\([^ ]*\) .*/\1/')
	[ -n "$time" ] || fail "balancer$1 never said $2"
	date -d "$time" +%s%3N
}

# What is not known to be healthy is not announced; what is not healthy any more is withdrawn at once.
test_scale_healthy() {
	one
	daemon_start 1
	sleep 2.5
	equal "announced with nothing behind it" "" "$(announced 1)"
	servers 1
	eventually announced_is 1 "$VIP4 $VIP6"
	stop $STARTED
	eventually announced_is 1 ""
	[ $(($(millis 1 withdrawn) - $(millis 1 too-many-fail))) -lt 1000 ] || fail "withdrawn too late"
	servers 1
	eventually announced_is 1 "$VIP4 $VIP6"
	# The operator's word counts too.
	of 1 drain $VIP4:8000 $FLAT.11
	eventually announced_is 1 $VIP6
	of 1 set-state $VIP4:8000 $FLAT.11 up
	eventually announced_is 1 "$VIP4 $VIP6"
	# And nothing is there to be announced where no interface has the program.
	in_ns balancer1 ip link set eth0 xdp off
	eventually announced_is 1 ""
}

# changes_begin, changes: what becomes of the routes in table 88 of balancer1.
changes_begin() {
	start balancer1 ip monitor route
	MONITOR=$STARTED
	sleep 0.3
}

changes() {
	sleep 0.3
	grep -c "table 88" "$NET_DIR/balancer1.log" || true
}

# A daemon that dies takes nothing along, and the next one finds what there is; one that is told to stop withdraws first.
test_scale_daemon_ends() {
	local before
	one
	servers 3
	daemon_start 1
	eventually announced_is 1 "$VIP4 $VIP6"
	changes_begin
	signal 1 KILL
	sleep 1
	daemon_start 1
	sleep 2.5
	signal 1 QUIT
	wait $DAEMON_1 || true
	daemon_start 1
	sleep 2.5
	equal "changes by kill -9, SIGQUIT and new daemons" 0 "$(changes)"
	equal "announced" "$VIP4 $VIP6" "$(announced 1)"
	before=$(date +%s%3N)
	signal 1 TERM
	within 1 announced_is 1 ""
	kill -0 "$(cat "$NET_DIR/run1/pid")" || fail "it did not wait for traffic to go elsewhere"
	wait $DAEMON_1 || fail "SIGTERM: status $?"
	[ $(($(date +%s%3N) - before)) -ge 2000 ] || fail "it ended before its time"
	[ "$(changes)" -ge 2 ] || fail "changes are not seen"
	equal "services after it" 2 "$(of 1 -j list | jq length)"
}

# Another file, without announcements or with another place for them: nothing stays behind, even when the daemon was
# killed in between.
test_scale_daemon_other_file() {
	one
	servers 1
	daemon_start 1
	eventually announced_is 1 "$VIP4 $VIP6"
	sed -i 's/hold: 2/protocol: 99/' "$NET_DIR/balancer1.yaml"
	signal 1 HUP
	eventually proto_is 99 "$VIP4 $VIP6"
	equal "announced as before" "$VIP4 $VIP6" "$(announced 1)"
	sed -i 's/protocol: 99/by: address/' "$NET_DIR/balancer1.yaml"
	signal 1 KILL
	daemon_start 1
	eventually on_lo "$VIP4/32 $VIP6/128"
	equal "in the table" "" "$(announced 1)"
	sed -i '/^daemon:/,/by: address/d' "$NET_DIR/balancer1.yaml"
	signal 1 HUP
	eventually on_lo ""
}

proto_is() {
	[ "$({ in_ns balancer1 ip -4 route show table 88 proto $1; in_ns balancer1 ip -6 route show table 88 proto $1; } |
		sed -n 's/^unreachable \([^ ]*\) .*/\1/p' | xargs)" = "$2" ]
}

on_lo() {
	[ "$({ in_ns balancer1 ip -4 -o address show dev lo; in_ns balancer1 ip -6 -o address show dev lo; } |
		awk '!/scope host/ { print $4 }' | xargs)" = "$1" ]
}

# The address that is there already stays whose it is, and the rest is announced.
test_scale_somebody_elses() {
	one
	servers 1
	in_ns balancer1 ip route add blackhole $VIP4 table 88
	daemon_start 1
	eventually announced_is 1 $VIP6
	eventually grep -q "$VIP4 is in table 88 already" "$NET_DIR/balancer1.log"
	signal 1 TERM
	eventually announced_is 1 ""
	equal "of table 88" "blackhole $VIP4" "$(in_ns balancer1 ip route show table 88 | xargs)"
}

# What somebody takes away comes back.
test_scale_flushed() {
	one
	servers 1
	daemon_start 1
	eventually announced_is 1 "$VIP4 $VIP6"
	in_ns balancer1 ip route flush table 88
	within 15 announced_is 1 "$VIP4 $VIP6"
}

# The addresses on lo, which BIRD takes by its protocol direct.
test_scale_by_address() {
	scale 1
	balancer_load 2
	sed -i 's/^    hold: .*/    by: address/' "$NET_DIR/balancer2.yaml"
	daemon_start 2
	awk '/^protocol kernel/ { skip = 1 } !skip { print } /^}/ { skip = 0 }' "$SCALE/balancer.conf" >"$NET_DIR/balancer2.conf"
	cat >>"$NET_DIR/balancer2.conf" <<-END
		protocol direct {
			interface "lo";
			ipv4 { table services4; };
			ipv6 { table services6; };
		}
	END
	bird_run balancer2
	announced_by 2
	signal 2 TERM
	announced_by 1
}

# ---- one of two works ------------------------------------------------------------------------

# standby: client --- router --- two balancers, one of which has the service's address by VRRP.
standby() {
	local i
	needs keepalived
	by_router
	add_backends 3 71 lan
	balancer_host 1
	balancer_host 2
	wires_ready
	route client default 10.72.0.1
	for i in 1 2 3; do
		route backend$i default $FLAT.1
		http_start backend$i backend$i 8000
	done
	FILE=standby.yaml VIP4=$FLAT.100 VIP6='' backends_ready
	for i in 1 2; do
		FILE=standby.yaml balancer_load $i
		daemon_start $i
		start balancer$i "${OWN_RUN[@]}" "$NET_DIR/run$i" keepalived -nl -f "$SCALE/keepalived.conf"
	done
	eventually announced_is 1 $FLAT.100
	within 10 has_address
}

# has_address: sets ACTIVE and STANDBY; fails unless one has the address, and the other not.
has_address() {
	local i
	ACTIVE='' STANDBY=''
	for i in 1 2; do
		if in_ns balancer$i ip -o address show dev eth0 | grep -q "inet $FLAT.100/32"; then
			ACTIVE+=$i
		else
			STANDBY+=$i
		fi
	done
	[ ${#ACTIVE}${#STANDBY} = 11 ]
}

# changes_over FROM: the other one has the address.
changes_over() {
	has_address && [ $ACTIVE != $1 ]
}

test_scale_standby() {
	local i first
	standby
	for i in {1..6}; do slow_download held$i $FLAT.100; done
	works $ACTIVE
	first=$ACTIVE
	of $first drain
	eventually changes_over $first
	works $ACTIVE
	idle $STANDBY
	on $first "$XDPLB_CONFIG" undrain
	eventually announced_is $first $FLAT.100
	power_off $ACTIVE
	works $first
	arrive 6
}

# ---- the page ------------------------------------------------------------------------------

# quoted FILE: the page has it, word for word, between lines of three backquotes.
quoted() {
	"$NET_PYTHON" - "$SCALE.md" "$1" <<-'END'
		import sys
		page, text = (open(name).read() for name in sys.argv[1:])
		sys.exit(f"```\n{text}```\n" not in page)
	END
}

# What docs/scale-out.md shows is what the cases above run.
test_scale_page() {
	local file count=0
	for file in "$SCALE"/*; do
		quoted "$file" || fail "docs/scale-out.md has not what is in ${file##*/}"
		grep -q "\$SCALE/${file##*/}\|${file##*/}" "$HERE/scale.sh" || fail "${file##*/} is in no test"
		count=$((count + 1))
	done
	equal "files" 5 $count
}
