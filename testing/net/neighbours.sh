# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# MACs that are given (mac=): what the kernel has of them when services share a backend's address, and when they go.

NOBODYS=02:aa:00:00:00:01
OTHERS=02:aa:00:00:00:02

# entry ADDRESS: what the balancer's kernel has of it: the MAC, and whether it is there for good.
entry() {
	in_ns balancer ip -j neigh show "$1" dev eth0 |
		jq -r '.[] | "\(.lladdr) \(if .state == ["PERMANENT"] then "permanent" else "resolved" end)"'
}

# own_mac: of the first backend.
own_mac() {
	in_ns backend1 ip -j link show eth0 | jq -r '.[].address'
}

# resolved WHEN: the first backend's neighbour is, for good and not by itself, and both services are served.
resolved() {
	eventually is_resolved
	in_ns balancer ip neigh show $FLAT.11 dev eth0 | grep -qw managed || fail "$1: it is not managed"
	equal "$1" "backend1 backend1" "$(answers 1 http://$FLAT.10:8000/) $(answers 1 http://$FLAT.10:8001/)"
}

is_resolved() {
	[ "$(entry $FLAT.11)" = "$(own_mac) resolved" ]
}

# given MAC WHEN
given() {
	equal "$2" "$1 permanent" "$(entry $FLAT.11)"
}

# gone WHEN: nothing of a MAC that was given.
gone() {
	! entry $FLAT.11 | grep permanent || fail "$1: it is still there for good"
}

# first [,OPTION], second [,OPTION]: the services, with one backend.
first() {
	config set-backends $FLAT.10:8000 $FLAT.11${1:-}
}

second() {
	config set-backends $FLAT.10:8001 $FLAT.11:8000${1:-}
}

# One of two services gives the MAC, and goes, or gives it no more.
test_given_by_one() {
	flat 1
	first
	config save >"$NET_DIR/one.yaml"
	second ,mac=$NOBODYS
	given $NOBODYS "by the second"
	second
	resolved "left out"
	second ,mac=$NOBODYS
	config del-service $FLAT.10:8001
	gone "with its service"
	second
	resolved "with its service"
	second ,mac=$NOBODYS
	in_ns balancer "$XDPLB_CONFIG" apply "$NET_DIR/one.yaml"
	gone "with a file"
	second
	resolved "with a file"
}

# Both give it, and one after the other or both at once no more.
test_given_by_both() {
	flat 1
	first ,mac=$NOBODYS
	second ,mac=$NOBODYS
	config save >"$NET_DIR/both.yaml"
	second
	given $NOBODYS "by the first"
	in_ns balancer "$XDPLB_CONFIG" apply "$NET_DIR/both.yaml"
	sed 's/,mac=[0-9a-f:]*//' "$NET_DIR/both.yaml" | in_ns balancer "$XDPLB_CONFIG" apply -
	resolved "both at once"
	in_ns balancer "$XDPLB_CONFIG" apply "$NET_DIR/both.yaml"
	given $NOBODYS "by both"
	config flush
	gone "with all services"
}

# Flows that have ended, but are remembered, keep backends' records, which want nothing any more.
test_given_and_flows() {
	local mac
	flat 1
	mac=$(own_mac)
	first ,mac=$mac
	second ,mac=$mac
	equal "with it" "backend1 backend1" "$(answers 1 http://$FLAT.10:8000/) $(answers 1 http://$FLAT.10:8001/)"
	config flush
	gone "with all services"
}

# Two MACs for one address: one line says so, and the later one counts.
test_given_otherwise() {
	flat 1
	first ,mac=$NOBODYS 2>"$NET_DIR/said"
	second ,mac=$OTHERS 2>>"$NET_DIR/said"
	equal "said" "xdplb-config: warning: backend $FLAT.11: service $FLAT.10:8000/tcp gives it another MAC, $NOBODYS: for both it is now $OTHERS" \
		"$(cat "$NET_DIR/said")"
	given $OTHERS "by the second"
	config save >"$NET_DIR/both.yaml"
	second
	given $NOBODYS "by the first"
	config flush
	in_ns balancer "$XDPLB_CONFIG" apply "$NET_DIR/both.yaml" 2>"$NET_DIR/said"
	equal "lines about a file" 1 "$(grep -c "gives it another MAC, $NOBODYS: for both it is now $OTHERS" "$NET_DIR/said")"
	equal "lines" 1 "$(wc -l <"$NET_DIR/said")"
	given $OTHERS "by a file"
	sed "s/$NOBODYS/$OTHERS/" "$NET_DIR/both.yaml" | in_ns balancer "$XDPLB_CONFIG" apply - 2>"$NET_DIR/said"
	equal "said of one MAC" "" "$(cat "$NET_DIR/said")"
	first 2>"$NET_DIR/said"
	equal "said where none is given" "" "$(cat "$NET_DIR/said")"
	given $OTHERS "where none is given"
	config del-service $FLAT.10:8000
	given $OTHERS "after the other service"
}

# What somebody else has set since is not ours to remove.
test_given_by_others() {
	flat 1
	first ,mac=$NOBODYS
	in_ns balancer ip neigh replace $FLAT.11 lladdr $OTHERS dev eth0 nud permanent
	config flush
	given $OTHERS "somebody else's"
}

test_given_unload() {
	topo_flat 1
	config load eth0
	first ,mac=$NOBODYS
	config unload --keep-maps eth0
	given $NOBODYS "with the maps kept"
	config load eth0
	config unload eth0
	gone "with the pins"
}
