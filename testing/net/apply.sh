# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# apply and save: a whole balancer from a file.

# ready N: servers behind a balancer without services, loaded by the command.
ready() {
	local i
	topo_flat "$1"
	for ((i = 1; i <= $1; i++)); do http_start "backend$i" "backend$i" 8000; done
	config load eth0
}

# two NUMBER...: a file with services on ports 8000 and 8001, whose backend is the host with the first number, or the
# second; none: the service is not there.
two() {
	local port=8000 number
	echo "services:"
	for number; do
		[ "$number" = none ] || cat <<-END
			- service: $FLAT.10:$port
			  backends: ["$FLAT.1$number:8000"]
		END
		port=$((port + 1))
	done
}

apply() {
	config apply "$@"
}

# applied NUMBER...
applied() {
	two "$@" >"$NET_DIR/two.yaml"
	apply "$NET_DIR/two.yaml"
}

who() {
	http_get client http://$FLAT.10:$1/ 2>/dev/null || echo nobody
}

# saved_is_same: what is saved is what there is, and reads as such.
saved_is_same() {
	config save >"$NET_DIR/saved.yaml"
	equal "difference to what is saved" "" "$(apply --dry-run "$NET_DIR/saved.yaml")"
	apply "$NET_DIR/saved.yaml"
	equal "saved again" "$(cat "$NET_DIR/saved.yaml")" "$(config save)"
	config -j save >"$NET_DIR/saved.json"
	equal "difference to what is saved as JSON" '{"settings":{},"services":[]}' \
		"$(apply --dry-run -j "$NET_DIR/saved.json" | jq -c .)"
}

# ---- what it does ----------------------------------------------------------------------------

test_apply() {
	ready 2
	applied 1 2
	equal "two services" "backend1 backend2" "$(who 8000) $(who 8001)"
	applied 2 none
	equal "one is gone, one has changed" "backend2 nobody" "$(who 8000) $(who 8001)"
	equal "listed" "$FLAT.10:8000/tcp" "$(config -j list | jq -r '.[].service' | xargs)"
	saved_is_same
	applied none 1
	equal "one for another" "nobody backend1" "$(who 8000) $(who 8001)"
	echo "services: []" | in_ns balancer "$XDPLB_CONFIG" apply -
	equal "none" "0 nobody" "$(config -j list | jq length) $(who 8001)"
	saved_is_same
}

# Every key, as set by hand, is saved and applied to another balancer.
test_apply_saved() {
	local before
	topo_flat 2
	in_ns balancer ip address add 192.0.2.1/32 dev lo
	config load -m skb eth0
	config set echo=off gue-port=6081 icmp-rate=7 registration-port=7476 seed=0123456789abcdef0123456789abcdef
	config set-backends $FLAT.10:8000 --scheduler wlc --snat $FLAT.10 --affinity client/24,60 --slow-start 30 \
		--timeout established=100,udp=5 --window 60 $FLAT.11:80,weight=3 $FLAT.12:80,state=drain,mac=02:00:00:00:00:01
	config set-backends "[fd71::10]:53/udp" --forward dsr --scheduler maglev --table-size 509 --udp stateless fd71::11
	config set-backends 192.0.2.1:5000/udp --forward local --registration kernel --registration-from any \
		--registration-key <(echo 000102030405060708090a0b0c0d0e0f) :5001 2>/dev/null
	saved_is_same
	before=$(config -j list)
	config flush
	config set echo=on gue-port=6080 seed=random
	apply "$NET_DIR/saved.yaml" 2>/dev/null
	equal "listed" "$before" "$(config -j list)"
	equal "settings" "off 6081 7476 0123456789abcdef0123456789abcdef" \
		"$(config -j set | jq -r '"\(if .echo then "on" else "off" end) \(.gue_port) \(.registration_port) \(.seed)"')"
}

# The manual's example, as it stands there.
test_apply_example() {
	stands_alone
	in_ns balancer ip address add 192.0.2.11/32 dev lo
	config load -m skb eth0 lo
	sed -n '/^\.Sh EXAMPLES/,/^\.Ed/{ /^\.Bd/,/^\.Ed/{ /^\./!p } }' "$TOP/man/xdplb.yaml.5" >"$NET_DIR/example.yaml"
	apply "$NET_DIR/example.yaml" 2>/dev/null
	equal "services" "192.0.2.10:443/tcp 3 wlc 192.0.2.11:5000/udp 2 wrr [2001:db8::10]:53/udp 2 maglev" \
		"$(config -j list | jq -r 'sort_by(.service)[] | "\(.service) \(.backends | length) \(.scheduler)"' | xargs)"
	sed 's/10.0.0.2:8443/&,state=drain/' "$NET_DIR/example.yaml" >"$NET_DIR/changed.yaml"
	equal "difference" "$(sed -n '/^# xdplb-config apply --dry-run/,/^# xdplb-config apply \//{ /^#/!p }' "$TOP/man/xdplb.yaml.5")" \
		"$(apply --dry-run "$NET_DIR/changed.yaml")"
	saved_is_same
}

test_apply_dry_run() {
	local before
	ready 2
	applied 1 1
	before=$(config save)
	two 2 none >"$NET_DIR/two.yaml"
	equal "difference" "$(printf '%s\n' "  - service: $FLAT.10:8000/tcp" "-     - $FLAT.11:8000" "+     - $FLAT.12:8000" \
		"- - service: $FLAT.10:8001/tcp" "-   scheduler: wrr" "-   forward: nat" "-     - $FLAT.11:8000")" \
		"$(apply --dry-run "$NET_DIR/two.yaml")"
	equal JSON "$FLAT.10:8000/tcp change $FLAT.11 null $FLAT.12 1;$FLAT.10:8001/tcp remove $FLAT.11 null" \
		"$(apply --dry-run -j "$NET_DIR/two.yaml" | jq -r '[.services[] | "\(.service) \(.change) " +
			([.backends[] | "\(.address) \(.after | if . then .weight else . end)"] | join(" "))] | join(";")')"
	equal "no more in JSON" "{} false false" \
		"$(apply --dry-run -j "$NET_DIR/two.yaml" | jq -c '.settings, .services[].reordered' | xargs)"
	equal "nothing is changed" "$before" "$(config save)"
	refused 2 "--dry-run" apply -j "$NET_DIR/two.yaml"
	in_ns balancer script -qec "$XDPLB_CONFIG apply --dry-run $NET_DIR/two.yaml" /dev/null >"$NET_DIR/terminal"
	grep -q $'^\e\[32m+     - '$FLAT.12:8000$'\e\[0m' "$NET_DIR/terminal" || fail "no colour on a terminal"
	NO_COLOR=1 in_ns balancer script -qec "$XDPLB_CONFIG apply --dry-run $NET_DIR/two.yaml" /dev/null >"$NET_DIR/terminal"
	! grep -q $'\e' "$NET_DIR/terminal" || fail "colour where NO_COLOR is set"
}

# ---- all or nothing --------------------------------------------------------------------------

# bad LINE:COLUMN KEY WHAT LINE...: a file with these lines behind those of two services is refused, there and for that,
# and its difference is not shown either.
bad() {
	local place=$1 key=$2 what=$3 dry
	shift 3
	{ two 2 2; printf '%s\n' "$@"; } >"$NET_DIR/bad.yaml"
	for dry in "" --dry-run; do
		refused 1 "bad.yaml:$place: $key: $what" apply $dry "$NET_DIR/bad.yaml"
	done
}

# Mistakes of any kind, also such as only the machine knows of, leave all as it was.
test_apply_refused() {
	local before
	ready 2
	applied 1 1
	before=$(config save)
	{ two 2 2; echo "  scheduler: fast"; } >"$NET_DIR/bad.yaml"
	refused 1 "bad.yaml:6:14: scheduler: fast" apply "$NET_DIR/bad.yaml"
	bad 9:14 backends "backend 203.0.113.1: no route to it" \
		"- service: $FLAT.10:8002" "  backends:" "  - $FLAT.11" "  - backend: 203.0.113.1"
	bad "7:$((19 + ${#FLAT}))" backends "backend $FLAT.10 is this machine's own address" \
		"- service: $FLAT.9:8002" "  backends: [$FLAT.11, $FLAT.10]"
	bad 7:12 forward "gue: the program that is attached" "- service: $FLAT.10:8002" "  forward: gue" "  backends: [$FLAT.12]"
	bad 6:18 seed "the balancer has another, and services" "settings: {seed: '0123456789abcdef0123456789abcdef'}"
	bad 7:9 snat "$FLAT.12 is a backend's address" \
		"- service: $FLAT.10:8002" "  snat: [$FLAT.12]" "  backends: [$FLAT.12]"
	bad 7:8 udp "each: a udp service with forward: local, rr or wrr, and no affinity is needed, or udp: tracked" \
		"- service: $FLAT.10:8002/udp" "  udp: each" "  backends: [$FLAT.12]"
	bad 7:13 affinity "cookie: none is expected" "- service: $FLAT.10:8002" "  affinity: cookie" "  backends: [$FLAT.12]"
	refused 1 "/nowhere.yaml" apply /nowhere.yaml
	refused 1 "$NET_DIR: cannot be read: Is a directory" apply "$NET_DIR"
	refused 2 "apply" apply
	equal "nothing is changed" "$before" "$(config save)"
	equal "two services" "backend1 backend1" "$(who 8000) $(who 8001)"
	status=0
	config save >/dev/full 2>"$NET_DIR/err" || status=$?
	equal "save to a full disk" 1 $status
}

# Transfers go on while the file changes all around them.
test_apply_under_load() {
	local i
	topo_flat 2
	http_start backend1 backend1 8000
	http_start backend2 backend2 8000
	config load eth0
	applied 1 2
	ADDRESS=$FLAT.10
	running 3
	for i in {1..10}; do
		two 1 2 | sed "s/8000\"\]/8000\", \"$FLAT.1$((i % 2 + 1)):8001,weight=$i\"]/" >"$NET_DIR/more.yaml"
		apply "$NET_DIR/more.yaml"
	done
	applied 1 none
	arrive 3
	equal "of" backend1 "$(cat "$NET_DIR"/held?.out | sort -u | xargs)"
}

# kill -9 at any moment of the time that it takes on this machine, and some after it: the balancer is as before, or as
# the file says.
test_apply_killed() {
	local i one two now took after seen=
	ready 2
	many 1 >"$NET_DIR/one.yaml"
	many 2 >"$NET_DIR/two.yaml"
	apply "$NET_DIR/two.yaml"
	two=$(config save)
	took=$(date +%s%N)
	apply "$NET_DIR/one.yaml"
	took=$((($(date +%s%N) - took) / 1000000 * 3 / 2))
	one=$(config save)
	for i in {1..40}; do
		after=$((RANDOM % took + 5))
		in_ns balancer timeout -s KILL "$((after / 1000)).$(printf %03d $((after % 1000)))" "$XDPLB_CONFIG" apply \
			"$NET_DIR/$([ $((i % 2)) = 1 ] && echo two || echo one).yaml" 2>/dev/null || true
		now=$(config save)
		[[ $now == "$one" || $now == "$two" ]] || fail "round $i: neither the one nor the other: $(diff <(echo "$one") <(echo "$now") | head -n 4 | xargs)"
		seen+=$([[ $now == "$one" ]] && echo 1 || echo 2)
	done
	[[ $seen == *1* && $seen == *2* ]] || fail "it was always $seen"
	apply "$NET_DIR/two.yaml"
	equal "in the end" "$two" "$(config save)"
	equal "answers" backend2 "$(who 8100)"
}

# many NUMBER: 200 services whose only backend is that host, weight and all the same.
many() {
	local port
	echo "services:"
	for port in {8100..8299}; do
		echo "- {service: '$FLAT.10:$port', slow-start: $1, backends: ['$FLAT.1$1:8000']}"
	done
}

# Two who write at once wait for each other: all is from one of them.
test_apply_two_writers() {
	local one two now
	ready 2
	many 1 >"$NET_DIR/one.yaml"
	many 2 >"$NET_DIR/two.yaml"
	apply "$NET_DIR/one.yaml"
	one=$(config save)
	background writer again_and_again "$NET_DIR/two.yaml"
	again_and_again "$NET_DIR/one.yaml"
	joined writer
	now=$(config save)
	apply "$NET_DIR/two.yaml"
	two=$(config save)
	[[ $now == "$one" || $now == "$two" ]] || fail "it is mixed of both"
}

again_and_again() {
	local i
	for i in {1..5}; do apply "$1"; done
}

# Who has registered stays, whatever else the file says; and what it does not say anew counts no more than before.
test_apply_registered() {
	# shellcheck source=testing/net/local.sh
	. "$HERE/local.sh"
	host_add balancer
	addresses
	listeners -b $VIP 5001 5002 5003
	config load lo
	local_file 1 | in_ns balancer "$XDPLB_CONFIG" apply -
	config register $LOCAL/udp --port 5002 --weight 2
	config register $LOCAL/udp --port 5001 --goodbye
	config register $LOCAL/udp --port 5001 --weight 4
	config register $LOCAL/udp --port 5001 --goodbye
	equal "registered" "5002 8" "$(ask balancer datagrams $VIP 5000 8)"
	local_file 2 | in_ns balancer "$XDPLB_CONFIG" apply -
	equal "with another window" "5002 8" "$(ask balancer datagrams $VIP 5000 8)"
	local_file 2 | sed 's/:5001/&,weight=2/' | in_ns balancer "$XDPLB_CONFIG" apply -
	equal "named anew" "5001 4 5002 4" "$(ask balancer datagrams $VIP 5000 8)"
}

# local_file WINDOW
local_file() {
	echo "services: [{service: $LOCAL/udp, forward: local, registration: kernel, window: $1, backends: [':5001']}]"
}
