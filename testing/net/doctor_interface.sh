# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# What doctor finds of interfaces: modes, and what veth makes of packets.

# mode_is MODE: of eth0's program.
mode_is() {
	equal "mode of eth0" "$1" "$(config -j status | jq -r '.balancers[].interfaces[] | select(.interface == "eth0").mode')"
}

test_doctor_generic_mode() {
	topo_flat 1
	http_start backend1 backend1 8000
	config load -m skb eth0
	config set-backends $FLAT.10:8000 $FLAT.11
	mode_is skb
	finds generic_mode
	type_remedy generic_mode "xdplb-config unload --keep-maps eth0 && xdplb-config load -m native -p $PINS eth0"
	mode_is native
	finds
	equal answers backend1 "$(answers 1 $WEB_URL)"
}

# What is pinned nowhere keeps its service too; another balancer's pins stay.
test_doctor_generic_mode_unpinned() {
	topo_flat 1
	http_start backend1 backend1 8000
	config load eth0
	config unload --keep-maps eth0
	attach eth0 -m skb
	config set-backends $FLAT.10:8000 $FLAT.11
	type_remedy generic_mode "xdplb-config load -m skb -p $PINS-eth0 eth0 && xdplb-config unload --keep-maps eth0 && xdplb-config load -m native -p $PINS-eth0 eth0"
	mode_is native
	finds
	equal answers backend1 "$(answers 1 $WEB_URL)"
}

# Loopback has no native mode, and a veth that nobody polls behind would lose what it sends.
test_doctor_generic_mode_for_good() {
	topo_flat 1
	in_ns switch ethtool -K balancer-eth0 gro off
	attach eth0 -m skb
	config set-backends $FLAT.10:8000 $FLAT.11
	finds
}

test_doctor_peer_without_napi() {
	web
	healthy
	in_ns switch ethtool -K balancer-eth0 gro off
	unanswering $WEB_URL
	finds peer_without_napi
	equal text "eth0: the other end of this veth, balancer-eth0, does not poll (NAPI), so what XDP sends out by it is lost" \
		"$(found_as peer_without_napi text)"
	type_remedy peer_without_napi "nsenter --net=/run/netns/${NET_PREFIX}switch ethtool -K balancer-eth0 gro on"
	finds
	equal answers backend1 "$(answers 1 $WEB_URL)"
}

# explained_lost INTERFACE REMEDY: explain says so of a packet that is redirected there.
explained_lost() {
	config explain $ADDRESS:8000 >"$NET_DIR/told"
	grep -q "^verdict  *redirect to $1\$" "$NET_DIR/told" || fail "explain: $(cat "$NET_DIR/told")"
	grep -q "^why  *it is lost .*: $1 takes no packets " "$NET_DIR/told" || fail "explain: $(cat "$NET_DIR/told")"
	grep -q "^what to do .*$2.*xdplb-config doctor " "$NET_DIR/told" || fail "explain: $(cat "$NET_DIR/told")"
}

# The way out has no program itself; the other end is here.
test_doctor_peer_here() {
	family 4
	topo_two_armed 0
	in_ns balancer ip link add eth2 type veth peer name there
	in_ns balancer ip address add 10.79.0.10/24 dev eth2
	in_ns balancer ip link set eth2 up
	in_ns balancer ip link set there up
	in_ns balancer ip neigh add 10.79.0.11 lladdr 02:00:00:00:00:11 dev eth2
	config load eth0
	config set-backends --forward dsr $ADDRESS:8000 10.79.0.11
	finds peer_without_napi
	explained_lost eth2 "gro on"
	equal "of eth0" "[ ]" "$(config -j doctor eth0)"
	type_remedy peer_without_napi "ethtool -K there gro on"
	finds
	equal "what explain says" null "$(config -j explain $ADDRESS:8000 | jq .why)"
}

# A bridge on the balancer, as of containers, takes nothing by redirect.
test_doctor_no_redirect() {
	family 4
	topo_flat 0
	in_ns balancer ip link add br0 type bridge
	in_ns balancer ip address add 10.79.0.10/24 dev br0
	in_ns balancer ip link set br0 up
	host_add backend1
	in_ns balancer ip link add port1 type veth peer name eth0 netns "${NET_PREFIX}backend1"
	in_ns balancer ip link set port1 master br0 up
	in_ns backend1 ip address add 10.79.0.11/24 dev eth0
	in_ns backend1 ip link set eth0 up
	route backend1 default 10.79.0.10
	route client $ADDRESS ${LAN}10
	http_start backend1 backend1 8000
	config load eth0
	forwards balancer
	config set-backends --forward dsr $ADDRESS:8000 10.79.0.11
	set_up backend1 10.79.0.11
	unanswering http://$ADDRESS:8000/
	finds no_redirect
	equal subject br0 "$(found_as no_redirect subject)"
	explained_lost br0 "-m skb"
	type_remedy no_redirect "xdplb-config unload --keep-maps eth0 && xdplb-config load -m skb -p $PINS eth0"
	finds
	equal "what explain says" null "$(config -j explain $ADDRESS:8000 | jq .why)"
	equal answers backend1 "$(answers 1 http://$ADDRESS:8000/)"
}

test_doctor_checksums_partial() {
	web
	healthy
	in_ns client ethtool -K eth0 tx on
	in_ns switch ethtool -K balancer-eth0 tx on
	unanswering $WEB_URL
	finds checksums_partial
	type_remedy checksums_partial "nsenter --net=/run/netns/${NET_PREFIX}switch ethtool -K balancer-eth0 tx off"
	finds
	equal answers backend1 "$(answers 1 $WEB_URL)"
}

# No device here joins packets by itself: the kernel's answer is altered on its way.
test_doctor_lro_on() {
	web
	cc -shared -fPIC -o "$NET_DIR/lro.so" "$HERE/lro.c" || skip "no compiler here"
	equal finding "lro_on eth0 ethtool -K eth0 lro off" \
		"$(LD_PRELOAD=$NET_DIR/lro.so config -j doctor | jq -r '.[] | [.finding, .subject, .remedy] | join(" ")')"
	healthy
}
