# shellcheck shell=bash disable=SC2034,SC2086,SC2154 # addresses hold no blanks
# What the cases share: verdicts, the commands under test, ready-made set-ups.

XDPLB_CONFIG=$TOP/loader/xdplb-config
OBJECT=$TOP/xdp/xdplb.o
PINS=/sys/fs/bpf/xdplb
FLAT=10.71.0
ARMED=10.73.0

# ---- verdicts -------------------------------------------------------------------

# because WHY...: the first reason counts; what follows is its consequence.
because() {
	[ -z "${RESULT:-}" ] || [ -s "$RESULT" ] || printf '%s\n' "${*//$'\n'/ / }" >"$RESULT"
}

# broke STATUS: a command failed that should not. The reason is what it said last, which
# is put behind the colon, and the line of the case.
broke() {
	local i file
	for i in "${!FUNCNAME[@]}"; do
		file=${BASH_SOURCE[i + 1]##*/}
		[ "$file" = lib.sh ] || [ "$file" = net.sh ] || break
	done
	because "$file line ${BASH_LINENO[i]}, status $1:"
}

fail() {
	because "$*"
	exit 1
}

skip() {
	because "$*"
	exit 77
}

# equal WHAT EXPECTED GOT
equal() {
	[ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"
}

# needs COMMAND...: of this machine.
needs() {
	local command
	for command; do
		command -v "$command" >/dev/null || skip "no $command here"
	done
}

# within SECONDS COMMAND...: succeeds at last.
within() {
	local end=$((SECONDS + $1))
	while [ $SECONDS -le $end ]; do
		! "${@:2}" || return 0
		sleep 0.05
	done
	fail "after $1 s still not: ${*:2}"
}

# eventually COMMAND...: what should take a second may take ten beside other cases.
eventually() {
	within 30 "$@"
}

# put WORDS FILE: into it, for who reads it meanwhile at once.
put() {
	echo "$1" >"$2.next"
	mv "$2.next" "$2"
}

# ---- the commands under test ----------------------------------------------------

# config ARGUMENT...: xdplb-config on the balancer.
config() {
	in_ns balancer "$XDPLB_CONFIG" "$@"
}

# attach IFACE [XDP-LOADER-OPTION...]: as the README does it.
attach() {
	in_ns balancer xdp-loader load "${@:2}" "$1" "$OBJECT"
}

# stat_of JQ-PATH: one number of the balancer's statistics.
stat_of() {
	config -j stats | jq -r "$1"
}

# ---- networks ready to use --------------------------------------------------------

# flat N: N HTTP servers behind a balancer with the program on it.
flat() {
	local i
	topo_flat "$1"
	for ((i = 1; i <= $1; i++)); do http_start "backend$i" "backend$i" 8000; done
	attach eth0
}

# ---- services by any method ---------------------------------------------------------

# family 4|6: sets the service's address, nobody's own, as it is (ADDRESS) and in URLs (HOST), the beginnings of
# the networks' addresses, and where the client is.
family() {
	if [ "$1" = 4 ]; then
		ADDRESS=198.51.100.7 HOST=$ADDRESS LAN=$FLAT. SERVERS=$ARMED. CLIENTS=10.72.0. FAR=10.80.0.
	else
		ADDRESS=2001:db8::7 HOST="[$ADDRESS]" LAN=fd71:: SERVERS=fd73:: CLIENTS=fd72:: FAR=fd80::
	fi
	CLIENT=${CLIENTS}2
}

# forwards HOST: it routes both families, and sends nobody elsewhere.
forwards() {
	ns_sysctl "$1" ipv4/ip_forward 1
	ns_sysctl "$1" ipv6/conf/all/forwarding 1
	ns_sysctl "$1" ipv4/conf/all/send_redirects 0
}

# by_router: client --- router --- lan, to which more are to be wired.
by_router() {
	switch_add clients lan
	host_add client
	wire client eth0 clients 10.72.0.2/24
	host_add router
	wire router eth0 clients 10.72.0.1/24
	wire router eth1 lan $FLAT.1/24
	forwards router
}

# stands_alone: a balancer whose eth0 leads nowhere, in the networks of the manuals' examples.
stands_alone() {
	host_add balancer
	in_ns balancer ip link add eth0 type veth peer name end
	in_ns balancer ip link set eth0 up
	in_ns balancer ip link set end up
	in_ns balancer ip address add 10.0.0.254/8 dev eth0
	in_ns balancer ip address add 2001:db8::fe/32 dev eth0 nodad
}

# between FAMILY N: clients and N servers, the balancer between them; see topo_two_armed.
between() {
	family "$1"
	topo_two_armed "$2"
	http_servers "$2"
	config load eth0 eth1
}

http_servers() {
	local i
	for ((i = 1; i <= $1; i++)); do
		http_start "backend$i" "backend$i" 8000
		udp_start "backend$i" "backend$i" 5300
	done
}

# method METHOD BACKEND-ADDRESS...: the service, TCP and UDP, and the backends made ready as backend-setup says.
method() {
	local i=0 backend
	config set-backends --forward "$1" "$HOST:8000" "${@:2}"
	config set-backends --forward "$1" "$HOST:5300/udp" "${@:2}"
	[ "$1" = dsr ] || return 0
	forwards balancer
	for backend in "${@:2}"; do
		i=$((i + 1))
		set_up "backend$i" "$backend"
	done
}

# set_up BACKEND-HOST ADDRESS: runs there what backend-setup prints.
set_up() {
	config backend-setup "$HOST:8000" "$2" >"$NET_DIR/setup"
	[ -s "$NET_DIR/setup" ] || fail "backend-setup says nothing of $2"
	in_ns "$1" sh -e "$NET_DIR/setup"
}

# transfers BYTES: by hash, both ways.
transfers() {
	equal "download of $1" backend1 "$(download client "http://$HOST:8000/big/$1")"
	head -c "$1" /dev/urandom >"$NET_DIR/file"
	equal "hash of an upload" "$(hash_of "$NET_DIR/file")" "$(upload client "http://$HOST:8000/" "$NET_DIR/file")"
}

# echoes N: echo.py on port 7000 of N backends.
echoes() {
	local i
	for ((i = 1; i <= $1; i++)); do echo_start "backend$i" "backend$i" 7000; done
}

echo_start() {
	start "$1" "$NET_PYTHON" "$HERE/echo.py" "${@:2}"
	listens "$1" tcp "${*: -1}"
	listens "$1" udp "${*: -1}"
}

# queues HOST IFACE: two for each direction, so that two CPUs can work at once on what
# passes. Before a program is there.
queues() {
	in_ns "$1" ethtool -L "$2" rx 2 tx 2
	in_ns switch ethtool -L "$1-$2" rx 2 tx 2
}

# flows HOST ARGUMENT...: see flows.py.
flows() {
	in_ns "$1" "$NET_PYTHON" "$HERE/flows.py" "${@:2}"
}

# background NAME COMMAND...: runs it, its output in NET_DIR/NAME.out; `joined` waits. One of that
# name that was there before may have been told to end, and have said what the new one is waited for to say.
background() {
	rm -f "$NET_DIR/$1.go"
	: >"$NET_DIR/$1.out"
	"${@:2}" >"$NET_DIR/$1.out" 2>"$NET_DIR/$1.err" &
	eval "JOB_$1=$!"
}

# joined NAME: waits for it; its status is the job's.
joined() {
	local job=JOB_$1
	wait "${!job}" || fail "$1 failed: $(head -c 300 "$NET_DIR/$1.err")"
}

# runs NAME: fails when it has ended already.
runs() {
	local job=JOB_$1
	kill -0 "${!job}" 2>/dev/null || fail "$1 ended early: $(head -c 300 "$NET_DIR/$1.err")"
}

# finish NAME: what was to go on until NET_DIR/NAME.go exists may end, and must succeed.
finish() {
	runs "$1"
	touch "$NET_DIR/$1.go"
	joined "$1"
}

# slow_download NAME ADDRESS [BYTES]: goes on until `finish NAME`; returns when it has begun.
slow_download() {
	local connected NET_TIMEOUT=$NET_SERVER_TIMEOUT
	connected=$(in_ns client ss -Htn state established | wc -l)
	background "$1" in_ns client "$NET_PYTHON" "$HERE/download.py" "$2" 8000 "${3:-15000000}" "$NET_DIR/$1.go"
	eventually more_than "$connected"
}

# more_than N: the client has more than N connections.
more_than() {
	[ "$(in_ns client ss -Htn state established | wc -l)" -gt "$1" ]
}

# lasting_flows HOST NAME ARGUMENT...: flows.py until `finish NAME`.
lasting_flows() {
	local NET_TIMEOUT=$NET_SERVER_TIMEOUT
	background "$2" flows "$1" -f "$NET_DIR/$2.go" "${@:3}"
}

# answers N URL: the names of the backends that answer N requests, in one line.
answers() {
	local i names=
	for ((i = 0; i < $1; i++)); do names+=" $(http_get client "$2")"; done
	echo "${names# }"
}

# ---- what doctor finds ---------------------------------------------------------------------------

# finds NAME...: of what is found now, in order.
finds() {
	equal "what is found" "$*" "$(config -j doctor | jq -r 'map(.finding) | join(" ")')"
}

# found_as NAME KEY: of that finding.
found_as() {
	config -j doctor | jq -r --arg name "$1" --arg key "$2" 'first(.[] | select(.finding == $name))[$key]'
}

# type_remedy NAME EXPECTED: of that finding, as it is shown, on the balancer.
type_remedy() {
	equal "remedy for $1" "$2" "$(found_as "$1" remedy)"
	in_ns balancer env PATH="$TOP/loader:$PATH" sh -ec "$2"
}

# healthy: whatever else it does, doctor has nothing to say.
healthy() {
	equal "what doctor says of a healthy balancer" "nothing found" "$(config doctor)"
}

# not_found NAME: no more.
not_found() {
	[ -z "$(config -j doctor | jq -r --arg name "$1" '.[] | select(.finding == $name)')" ]
}

WEB_URL=http://$FLAT.10:8000/

# web: two servers, and a service of the first.
web() {
	flat 2
	config set-backends $FLAT.10:8000 $FLAT.11
}

# unanswering URL: the client gets nothing from there.
unanswering() {
	! http_get client -m 1 "$1" 2>/dev/null || fail "$1 is answered"
}

# ---- metrics --------------------------------------------------------------------

# judge_exposition: NET_DIR/exposition is right; what it says is in NET_DIR/samples.
judge_exposition() {
	"$NET_PYTHON" "$HERE/exposition.py" "$NET_DIR/exposition" >"$NET_DIR/samples" ||
		fail "$(head -n 3 "$NET_DIR/samples" | xargs)"
}

# sample NAME: its value in NET_DIR/samples.
sample() {
	NAME=$1 awk 'index($0, ENVIRON["NAME"] " ") == 1 { print $NF }' "$NET_DIR/samples"
}

# ---- files ----------------------------------------------------------------------

hash_of() {
	sha256sum "$1" | cut -d ' ' -f 1
}

# download HOST URL [CURL-OPTION...]: fails unless the body has the hash the server says.
download() {
	local host=$1 url=$2 body said
	shift 2
	body=$(mktemp -p "$NET_DIR")
	in_ns "$host" curl -sS --noproxy '*' --max-time 40 -D "$body.head" -o "$body" "$@" "$url" || return 1
	said=$(sed -n 's/^X-Sha256: \([0-9a-f]*\).*/\1/p' "$body.head")
	[ -n "$said" ] || return 1
	[ "$said" = "$(hash_of "$body")" ] || return 1
	sed -n 's/^X-Backend: \([a-z0-9]*\).*/\1/p' "$body.head"
}

# upload HOST URL FILE [CURL-OPTION...]: the hash the server saw.
upload() {
	in_ns "$1" curl -sS --noproxy '*' --max-time 40 -H Expect: -T "$3" "${@:4}" "$2"
}

# ---- what passes on a wire ----------------------------------------------------------

# capture HOST IFACE FILTER...: tcpdump into NET_DIR/HOST.pcap, running when this returns.
capture() {
	local before
	before=$(captures "$1")
	start "$1" tcpdump --immediate-mode -Unn -i "$2" -w "$NET_DIR/$1.pcap" "${@:3}"
	eval "CAPTURE_$1=$STARTED"
	eventually captures_more "$1" "$before"
}

# captures HOST: how many have begun.
captures() {
	local count
	count=$(grep -acs 'listening on' "$NET_DIR/$1.log" || true)
	echo "${count:-0}"
}

captures_more() {
	[ "$(captures "$1")" -gt "$2" ]
}

# wrote_all HOST PROCESS: as many packets as the kernel has for it. Ended earlier, it leaves some behind.
wrote_all() {
	pkill -USR1 -P "$2"
	sleep 0.1
	grep -a 'received by filter' "$NET_DIR/$1.log" | tail -n 1 |
		awk '{ for (i = 2; i <= NF; i++) if ($i ~ /^packets?$/) count[$(i + 1)] = $(i - 1) }
			END { exit !("captured," in count && count["captured,"] + count["dropped"] >= count["received"]) }'
}

# captured HOST [FILTER...]: ends the capture and prints a line a packet.
captured() {
	local process=CAPTURE_$1
	sleep 0.3
	eventually wrote_all "$1" "${!process}"
	stop "${!process}"
	tcpdump -nn -vvv -r "$NET_DIR/$1.pcap" "${@:2}" 2>/dev/null | sed -e ':a;N;$!ba;s/\n    / /g'
}

# ---- a narrow path ------------------------------------------------------------------------------

# far_router BRIDGE ADDRESS...: a router on that network, that sends at most 1400 bytes to the network behind it.
far_router() {
	switch_add far
	host_add router
	wire router eth0 "$1" "${@:2}"
	wire router eth1 far 10.80.0.1/24 fd80::1/64
	in_ns router ip link set eth1 mtu 1400
	forwards router
}

# far_host HOST: the host beyond the router.
far_host() {
	host_add "$1"
	wire "$1" eth0 far 10.80.0.2/24 fd80::2/64
	route "$1" default 10.80.0.1
	route "$1" default fd80::1
	wires_ready
}

# knows HOST MTU WHAT-TO-ASK...: it has learned that the path takes no more.
knows() {
	in_ns "$1" ip route get "${@:3}" | grep -q "mtu $2\b" ||
		fail "$1 has not heard of $2: $(in_ns "$1" ip route get "${@:3}" | xargs)"
}

# ---- downloads that are under way ---------------------------------------------------------------

# running N: N downloads of the service, which are under way; see slow_download.
running() {
	local i
	for ((i = 1; i <= $1; i++)); do slow_download "held$i" "$ADDRESS"; done
}

# arrive N: they arrive whole, each from the backend that it began with.
arrive() {
	local i
	for ((i = 1; i <= $1; i++)); do finish "held$i"; done
}

# ---- a small balancer, and what it must not do to it -----------------------------------------

WEB=$FLAT.10:80/tcp

# small: a balancer with one service of two backends, nobody behind it.
small() {
	topo_flat 0
	attach eth0
	config set-backends $WEB $FLAT.11:8080,weight=3 $FLAT.12
}

# What list says of it.
LIST='[{"service": "'$WEB'", "scheduler": "wrr", "forward": "nat", "backends": [
	{"address": "'$FLAT.11'", "port": 8080, "weight": 3, "state": "up"},
	{"address": "'$FLAT.12'", "port": 80, "weight": 1, "state": "up"}]}]'

# same_json WHAT EXPECTED GOT: equal but for spaces; the order of keys counts not.
same_json() {
	equal "$1" "$(jq -Sc . <<<"$2")" "$(jq -Sc . <<<"$3")"
}

# state: what must not change.
state() {
	in_ns balancer "$XDPLB_CONFIG" -j list -d eth0 2>/dev/null || true
	in_ns balancer "$XDPLB_CONFIG" -j status 2>/dev/null | jq -c '[.balancers[].interfaces[].program_id]' || true
}

# one_line STATUS VALUE GOT-STATUS: judges $NET_DIR/out and err of a command that must fail.
one_line() {
	local words=$4
	equal "status of '$words'" "$1" "$3"
	equal "output of '$words'" "" "$(cat "$NET_DIR/out")"
	equal "lines of '$words' ($(head -c 300 "$NET_DIR/err"))" 1 "$(wc -l <"$NET_DIR/err")"
	grep -qF -e "$2" "$NET_DIR/err" || fail "'$words' does not name $2: $(cat "$NET_DIR/err")"
}

# refused STATUS VALUE ARGUMENT...: xdplb-config ARGUMENT... fails with STATUS and a line with VALUE.
refused() {
	local expected=$1 value=$2 before status=0
	shift 2
	before=$(state)
	config "$@" >"$NET_DIR/out" 2>"$NET_DIR/err" || status=$?
	one_line "$expected" "$value" $status "$*"
	equal "what '$*' left" "$before" "$(state)"
}

# own_range FIRST LAST: the balancer's own ports lie where nat's would otherwise be.
own_range() {
	ns_sysctl balancer ipv4/ip_local_port_range "$1 $2"
}
