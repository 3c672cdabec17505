# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# On and off an interface, and one in the other's place.

# program: the id of the XDP program on eth0.
program() {
	in_ns balancer ip -j -d link show eth0 | jq -r '.[0].xdp.prog.id // "none"'
}

# mode: native or skb, of eth0.
mode() {
	case $(in_ns balancer ip -j link show eth0 | jq -r '.[0].xdp.mode // 0') in
	1) echo native ;;
	2) echo skb ;;
	*) echo none ;;
	esac
}

# pins: what is pinned, in whatever directory of the BPF file system.
pins() {
	find /sys/fs/bpf -name 'xdplb*' | sort | xargs
}

# works: two requests, two backends.
works() {
	equal "${1:-answers}" "backend1 backend2" "$(answers 2 http://$FLAT.10:8000/)"
}

# servers N: N HTTP servers in a flat network, nothing on the balancer yet.
servers() {
	local i
	topo_flat "$1"
	for ((i = 1; i <= $1; i++)); do http_start "backend$i" "backend$i" 8000; done
}

two_backends() {
	config set-backends "$@" $FLAT.10:8000 $FLAT.11 $FLAT.12
}

test_load_unload() {
	servers 2
	config load eth0
	equal mode native "$(mode)"
	[ -n "$(pins)" ] || fail "nothing is pinned"
	two_backends
	works
	config unload eth0
	equal program none "$(program)"
	equal pins "" "$(pins)"
	! http_get client http://$FLAT.10:8000/ 2>/dev/null || fail "it works without"
	config load eth0
	equal services 0 "$(config -j list | jq length)"
	two_backends
	works again
}

test_load_pins_elsewhere() {
	servers 2
	config load -p /sys/fs/bpf/mine eth0
	equal default "" "$(ls $PINS 2>/dev/null || true)"
	two_backends -p /sys/fs/bpf/mine
	works
	equal pins /sys/fs/bpf/mine "$(config -j status -p /sys/fs/bpf/mine | jq -r '.balancers[0].pins')"
	config unload -p /sys/fs/bpf/mine eth0
	equal pins "" "$(pins)"
}

test_unload_one_of_two() {
	topo_two_armed 1
	http_start backend1 backend1 8000
	config load eth0 eth1
	config set-backends 10.72.0.10:8000 $ARMED.11
	equal answer backend1 "$(http_get client http://10.72.0.10:8000/)"
	config unload eth1
	equal services 1 "$(config -j list | jq length)"
	[ -n "$(pins)" ] || fail "the pins are gone, one interface needs them"
	config load eth1
	equal answer backend1 "$(http_get client http://10.72.0.10:8000/)"
	config unload eth0 eth1
	equal pins "" "$(pins)"
}

test_keep_maps() {
	servers 2
	config load eth0
	two_backends
	works
	config unload --keep-maps eth0
	equal program none "$(program)"
	config load eth0
	works "after the next load"
	equal flows 4 "$(stat_of .services[0].new_flows)"
}

test_loader_unpinned() {
	servers 2
	attach eth0
	two_backends
	works
	equal pins "" "$(pins)"
	in_ns balancer xdp-loader unload eth0 --all
	equal program none "$(program)"
	attach eth0
	equal "services of a fresh load" 0 "$(config -j list | jq length)"
	config unload eth0
	equal "program after xdplb-config unload" none "$(program)"
}

test_loader_pinned() {
	servers 2
	attach eth0 -p $PINS
	two_backends
	works
	in_ns balancer xdp-loader unload eth0 --all
	attach eth0 -p $PINS
	works "after a reload"
	config unload eth0
	equal program none "$(program)"
	equal pins "" "$(pins)"
}

# replaced COMMAND...: a new program while a download runs; it notices nothing.
replaced() {
	local before i
	two_backends
	slow_download held $FLAT.10
	for i in 1 2 3; do
		before=$(program)
		"$@"
		[ "$(program)" != "$before" ] || fail "load $i: it is still program $before"
	done
	equal flows 1 "$(stat_of .services[0].new_flows)"
	equal services 1 "$(config -j list | jq length)"
	finish held
	equal backend backend1 "$(cat "$NET_DIR/held.out")"
	equal "next answers" "backend2 backend1" "$(answers 2 http://$FLAT.10:8000/)"
}

test_replace_pinned() {
	servers 2
	config load eth0
	replaced config load eth0
	config unload eth0
	equal pins "" "$(pins)"
}

# From xdp-loader without pins: the first load pins what was not.
test_replace_unpinned() {
	servers 2
	attach eth0
	replaced config load eth0
	equal "by way of the pins" 1 "$(config -j list -p $PINS | jq length)"
	config unload eth0
	equal pins "" "$(pins)"
}

# all_go_on: the 50 flows of `asked` have all been answered to their end.
all_go_on() {
	finish asked
	equal flows 50 "$(wc -l <"$NET_DIR/asked.out")"
}

# Each datagram is answered while the program is replaced: none may get lost.
test_replace_loses_nothing() {
	local i
	topo_flat 1
	echoes 1
	config load eth0
	config set-backends $FLAT.10:7000/udp $FLAT.11
	lasting_flows client asked -u -p 20000 $FLAT.10 7000 50
	for ((i = 0; i < 10; i++)); do config load eth0; done
	all_go_on
}

# other_object SED-SCRIPT FILE: the command, beside an object that is made of changed sources.
other_object() {
	rm -rf "$NET_DIR/other"
	mkdir -p "$NET_DIR/other/xdp" "$NET_DIR/other/loader"
	cp "$TOP"/xdp/*.[ch] "$NET_DIR/other/xdp"
	cp "$XDPLB_CONFIG" "$NET_DIR/other/loader/xdplb-config"
	sed -i "$1" "$NET_DIR/other/xdp/$2"
	! cmp -s "$TOP/xdp/$2" "$NET_DIR/other/xdp/$2" || fail "$1 changes nothing in $2"
	clang -O2 -g -fno-strict-aliasing -target bpf -mcpu=v3 "-I/usr/include/$(gcc -print-multiarch)" \
		-c "$NET_DIR/other/xdp/xdplb.c" -o "$NET_DIR/other/xdp/xdplb.o"
}

# goes_on WORDS [OPTION...]: that one is refused in these words, and the program that is there is the same.
goes_on() {
	local before status=0
	before=$(program)
	in_ns balancer "$NET_DIR/other/loader/xdplb-config" load "${@:2}" eth0 2>"$NET_DIR/err" || status=$?
	equal "status of load" 1 $status
	equal "lines" 1 "$(wc -l <"$NET_DIR/err")"
	grep -qF -- "$1" "$NET_DIR/err" || fail "it does not say '$1': $(cat "$NET_DIR/err")"
	equal program "$before" "$(program)"
}

# with_flows: a balancer with 50 flows, which go on.
with_flows() {
	needs clang
	topo_flat 2
	echoes 2
	config load eth0
	config set-backends $FLAT.10:7000/udp $FLAT.11 $FLAT.12
	lasting_flows client asked -u -p 20000 $FLAT.10 7000 50
}

# What is new does not verify, or is no object: what is there goes on, with every flow. An object takes a busy machine
# half a minute to make, which is why there are several such cases.
test_replace_refused() {
	with_flows
	other_object 's/^\treturn way_through(ctx, false);/\treturn *(int *)(long)ctx->data;/' xdplb.c
	goes_on "the verifier says: "
	grep -q "outside of the packet" "$NET_DIR/err" || fail "not why: $(cat "$NET_DIR/err")"
	echo "no object" >"$NET_DIR/other/xdp/xdplb.o"
	goes_on "is no whole BPF object"
	all_go_on
}

# Likewise when its tables do not fit.
test_replace_refused_values() {
	with_flows
	other_object 's/^\t__u64 watched_until;//; s/__u64 port_allowed\[1024\];/__u64 port_allowed[1024], more;/; /^_Static_assert/d' xdplb.h
	goes_on "values of"
	all_go_on
}

test_replace_refused_entries() {
	with_flows
	other_object 's/^#define XDPLB_FRAGMENTS 16384/#define XDPLB_FRAGMENTS 32768/' xdplb.h
	goes_on "the object's map xdplb_frags has 32768 entries, and that of the balancer there 16384"
	goes_on "has 32768 entries" --flows 4096
	all_go_on
}

test_replace_refused_kind() {
	with_flows
	other_object '/^struct {/{:more;N;/SEC/!b more}; /xdplb_frags/s/TYPE_ARRAY/TYPE_HASH/' maps.h
	goes_on "the object's map xdplb_frags is of type 1 with keys of 4 bytes, and that of the balancer there of type 2 with keys of 4"
	all_go_on
}

# 2,000 connections and a datagram each 2 ms, while one version follows the other: nothing is lost.
test_replace_two_thousand() {
	local i
	topo_flat 3
	echoes 3
	config load eth0
	config set-backends $FLAT.10:7000 $FLAT.11 $FLAT.12 $FLAT.13
	config set-backends $FLAT.10:7000/udp $FLAT.11 $FLAT.12
	other_object 's/^\tbool watched;/\tvolatile bool watched;/' xdplb.c
	lasting_flows client held -p 20000 $FLAT.10 7000 2000
	lasting_flows client asked -u -p 30000 $FLAT.10 7000 50
	eventually has_flows 2000
	for i in 1 2 3 4 5; do
		in_ns balancer "$NET_DIR/other/loader/xdplb-config" load eth0
		config load eth0
	done
	finish asked
	finish held
	equal "connections" 2000 "$(wc -l <"$NET_DIR/held.out")"
	equal "datagrams' flows" 50 "$(wc -l <"$NET_DIR/asked.out")"
	equal "drops" 0 "$(stat_of '[.drops[]] | add')"
	equal "flows so far" "2000 50" "$(config -j stats | jq -r '[.services | sort_by(.service)[] | .new_flows] | join(" ")')"
}

# has_flows N
has_flows() {
	[ "$(config -j stats | jq '[.services[].active_flows] | max')" -ge "$1" ]
}

test_skb() {
	servers 2
	config load -m skb eth0
	equal mode skb "$(mode)"
	equal "mode in status" skb "$(config -j status | jq -r '.balancers[0].interfaces[0].mode')"
	two_backends
	works
	equal "5 MB" backend1 "$(download client http://$FLAT.10:8000/big/5000000)"
	config load eth0 -m skb
	equal "after a reload" "backend2 backend1" "$(answers 2 http://$FLAT.10:8000/)"
	config unload eth0
	equal program none "$(program)"
}

test_unspecified() {
	servers 2
	config load -m unspecified eth0
	equal mode native "$(mode)"
	two_backends
	works
}

test_flows_option() {
	servers 2
	config load --flows 3000 eth0
	equal room 4096 "$(config -j status | jq '.balancers[0].flows_max')"
	two_backends
	works
	config unload eth0
	config load eth0 --flows 64
	equal room 64 "$(config -j status | jq '.balancers[0].flows_max')"
	two_backends
	works "with 64"
}

# dummy DIR: another XDP program, which no dispatcher can take in.
dummy() {
	cat >"$1/dummy.c" <<-END
		#include <linux/bpf.h>
		__attribute__((section("xdp"), used)) int dummy(struct xdp_md *ctx) { return XDP_PASS; }
		char _license[] __attribute__((section("license"), used)) = "GPL";
	END
	clang -O2 -g -target bpf "-I/usr/include/$(gcc -print-multiarch)" -c "$1/dummy.c" -o "$1/dummy.o"
	in_ns balancer ip link set dev eth0 xdp object "$1/dummy.o" section xdp
}

test_other_program() {
	local there
	needs clang
	topo_flat 0
	dummy "$NET_DIR"
	there=$(program)
	[ "$there" != none ] || fail "the other program is not there"
	refused 1 eth0 load eth0
	grep -q xdp-loader "$NET_DIR/err" || fail "says not what to do: $(cat "$NET_DIR/err")"
	equal program "$there" "$(program)"
	equal pins "" "$(pins)"
	refused 1 eth0 unload eth0
	equal program "$there" "$(program)"
}

# Of two interfaces the second refuses: the first is as it was.
test_load_undone() {
	needs clang
	topo_two_armed 0
	dummy "$NET_DIR"
	refused 1 eth0 load eth1 eth0
	equal eth1 null "$(in_ns balancer ip -j link show eth1 | jq -c '.[0].xdp')"
	equal pins "" "$(pins)"
}

# Two balancers that know nothing of each other cannot become one.
test_load_two_balancers() {
	topo_two_armed 0
	attach eth0
	config load eth1
	refused 1 eth0 load eth0
	equal balancers 2 "$(config -j status | jq '.balancers | length')"
}

# One interface goes away with its namespace's end of the wire.
test_interface_gone() {
	topo_two_armed 1
	http_start backend1 backend1 8000
	config load eth0 eth1
	config set-backends 10.72.0.10:8000 $ARMED.11
	in_ns balancer ip link del eth1
	equal services 1 "$(config -j list | jq length)"
	equal interfaces eth0 "$(config -j status | jq -r '[.balancers[0].interfaces[].interface] | join(" ")')"
	config unload eth0
	equal pins "" "$(pins)"
}
