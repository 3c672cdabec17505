# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# Bad input: one line that names the value at fault, the right status, nothing changed.

test_bad_address() {
	local word
	small
	for word in 10.71.0 10.71.0.256 host.example 10.71.0.11x "" 010.71.0.1.1 0.0.0.0 127.0.0.1 224.0.0.1 255.255.255.255; do
		refused 1 "$word" set-backends $WEB "$word"
	done
	for word in 10.71.0:80 10.71.0.256:80/tcp 10.71.0.10/tcp 10.71.0.10 :80/tcp 10.71.0.10:80/sctp 10.71.0.10:80/ ""; do
		refused 1 "${word%%[:/]*}" set-backends "$word" $FLAT.11
	done
	refused 1 10.71.0.300 set-backends --snat 10.71.0.300 $WEB $FLAT.11
	refused 1 10.71.0.300 add-backend $WEB $FLAT.13 10.71.0.300
	refused 1 $FLAT.11/24 set-backends $WEB $FLAT.11/24
}

test_bad_port() {
	local port
	small
	for port in 65536 0 -1 99999999999999999999 80x 0x50 "" " 80" +80; do
		refused 1 "$port" set-backends $WEB "$FLAT.11:$port"
		refused 1 "$port" set-backends "$FLAT.10:$port/tcp" $FLAT.11
	done
}

test_bad_weight() {
	local weight
	small
	for weight in 0 65536 -1 1.5 heavy "" 4294967297; do
		refused 1 "$weight" set-backends $WEB "$FLAT.11,weight=$weight"
		refused 1 "$weight" add-backend $WEB "$FLAT.13,weight=$weight"
		[ "$weight" = -1 ] || refused 1 "$weight" set-weight $WEB $FLAT.12 "$weight"
	done
	refused 1 65536 set-weight $WEB $FLAT.12 65536
	refused 1 speed=1 set-backends $WEB $FLAT.11,speed=1
	refused 1 gone set-backends $WEB $FLAT.11,state=gone
	refused 1 02:00 set-backends $WEB $FLAT.11,mac=02:00
}

test_bad_backends() {
	small
	refused 1 $FLAT.11 set-backends $WEB $FLAT.11 $FLAT.12 $FLAT.11
	refused 1 $FLAT.11:80 set-backends $WEB $FLAT.11 $FLAT.11:80,weight=2
	refused 1 $FLAT.12:80 add-backend $WEB $FLAT.12
	refused 1 $FLAT.13:80 add-backend $WEB $FLAT.13 $FLAT.13:80
	refused 1 $FLAT.10:80 set-backends $WEB $FLAT.10
	refused 1 $FLAT.10:80 add-backend $WEB $FLAT.10
	refused 1 $FLAT.99:80 del-backend $WEB $FLAT.99
	refused 1 $FLAT.99:80 set-weight $WEB $FLAT.99 2
	refused 1 $FLAT.12:80 del-backend $WEB $FLAT.12 $FLAT.12
	refused 1 $FLAT.40 set-backends --snat $FLAT.40 --snat $FLAT.40 $WEB $FLAT.11
	refused 1 $FLAT.10:81 del-service $FLAT.10:81
	refused 1 $FLAT.10:81 add-backend $FLAT.10:81 $FLAT.11
	refused 1 $FLAT.10:81 list $FLAT.10:81
	refused 1 $FLAT.10:80/udp stats $FLAT.10:80/udp
}

# More than fit: 4097 backends, 17 source addresses.
test_too_many() {
	local i backends=() snats=()
	small
	for ((i = 0; i < 4097; i++)); do backends+=("$FLAT.11:$((10000 + i))"); done
	refused 1 4097 set-backends $WEB "${backends[@]}"
	refused 1 4096 add-backend $WEB "${backends[@]:0:4095}"
	for ((i = 1; i <= 17; i++)); do snats+=(--snat "10.71.1.$i"); done
	refused 1 10.71.1.17 set-backends "${snats[@]}" $WEB $FLAT.11
	config set-backends $WEB "${backends[@]:0:4096}"
	equal backends 4096 "$(config -j list | jq '.[0].backends | length')"
}

test_bad_ipv6() {
	local word
	small
	for word in fe80::1 ::1 :: ff02::1 ::ffff:10.71.0.11 2001:db8:: fd71::11::1 fd71::g fd71:; do
		refused 1 "$word" set-backends "[fd71::10]:80/tcp" "[$word]:80"
		refused 1 "$word" set-backends "[$word]:80/tcp" "[fd71::11]:80"
	done
	refused 1 "fd71::10" set-backends "fd71::10:80/tcp" fd71::11
	refused 1 "[fd71::10" set-backends "[fd71::10:80/tcp" fd71::11
}

# One family where both are written into one packet.
test_mixed_families() {
	local method
	small
	for method in nat dnat dsr; do
		refused 1 $FLAT.11 set-backends --forward $method "[fd71::10]:80/tcp" $FLAT.11
		refused 1 fd71::11 set-backends --forward $method $WEB fd71::11
	done
	refused 1 fd71::12 set-backends --snat fd71::12 $WEB $FLAT.11
}

# What a method cannot do is refused with the value that asks for it.
test_bad_method() {
	local method
	small
	for method in dsr ipip gue; do
		refused 1 8080 set-backends --forward $method $WEB $FLAT.11:8080
	done
	for method in dnat dsr; do
		refused 1 $FLAT.30 set-backends --forward $method --snat $FLAT.30 $WEB $FLAT.11
	done
	for method in ipip gue; do
		refused 1 "load --encap" set-backends --forward $method $WEB $FLAT.11
	done
}

test_usage() {
	local status=0
	small
	refused 2 frobnicate frobnicate $WEB
	refused 2 --frob list --frob
	refused 2 -x list -x
	refused 2 --snat list --snat $FLAT.10
	refused 2 -d list -d
	refused 2 set-backends set-backends
	refused 2 set-backends set-backends $WEB
	refused 2 add-backend add-backend $WEB
	refused 2 set-weight set-weight $WEB $FLAT.11
	refused 2 7 set-weight $WEB $FLAT.11:8080 5 7
	refused 2 $WEB flush $WEB
	refused 2 list list $WEB $WEB
	refused 2 load load
	refused 2 fast load -m fast eth0
	refused 2 -p list -d eth0 -p $PINS
	config >"$NET_DIR/out" 2>"$NET_DIR/err" || status=$?
	equal "status of nothing" 2 $status
	grep -q usage: "$NET_DIR/err" || fail "no usage without arguments"
}

test_not_yet() {
	small
	refused 1 local set-backends --forward local $WEB $FLAT.11
	refused 1 nonsense set-backends --scheduler nonsense $WEB $FLAT.11
	refused 1 "*" set-backends "$FLAT.10:*/tcp" $FLAT.11
}

test_bad_interface() {
	local name
	small
	for name in eth7 "" averyveryverylongname ../eth0; do
		refused 1 "$name" list -d "$name"
		refused 1 "$name" load "$name"
		refused 1 "$name" unload "$name"
	done
	refused 1 lo list -d lo
	refused 1 lo unload lo
	refused 1 eth7 load eth0 eth7
	refused 1 eth0 load eth0 eth0
	refused 1 /sys/fs/bpf/none list -p /sys/fs/bpf/none
	refused 1 -5 load --flows -5 eth0
	refused 1 lots load --flows lots eth0
	refused 1 0 load --flows 0 eth0
	refused 1 67108865 load --flows 67108865 eth0
	refused 1 first load -P first eth0
}

test_no_balancer() {
	topo_flat 0
	refused 1 "xdplb-config load" list
	refused 1 "xdplb-config load" set-backends $WEB $FLAT.11
	refused 1 eth0 list -d eth0
	refused 1 "xdplb-config load" status
	refused 1 eth0 unload eth0
	config load eth0 -p /sys/fs/bpf/elsewhere
	config list
	equal "default pins" "" "$(ls $PINS 2>/dev/null)"
}

test_no_bpffs() {
	local status=0
	topo_flat 0
	# shellcheck disable=SC2016 # the shell there
	in_ns balancer unshare --mount sh -c 'while grep -q " /sys/fs/bpf " /proc/mounts; do umount /sys/fs/bpf; done
		exec "$@"' sh "$XDPLB_CONFIG" load eth0 >"$NET_DIR/out" 2>"$NET_DIR/err" || status=$?
	one_line 1 "mount -t bpf bpf /sys/fs/bpf" $status "load without bpffs"
	refused 1 eth0 list -d eth0
	refused 1 /tmp/x load -p /tmp/x eth0
}

# as_nobody ARGUMENT...
as_nobody() {
	local before status=0
	before=$(state)
	in_ns balancer setpriv --reuid=65534 --regid=65534 --clear-groups "$PUBLIC/xdplb-config" "$@" \
		>"$NET_DIR/out" 2>"$NET_DIR/err" || status=$?
	one_line 1 root $status "$* as nobody"
	equal "what '$*' left" "$before" "$(state)"
}

test_no_privileges() {
	small
	PUBLIC=$NET_DIR/public
	mkdir "$PUBLIC"
	cp "$XDPLB_CONFIG" "$OBJECT" "$PUBLIC"
	chmod -R 755 "$NET_DIR"
	as_nobody list
	as_nobody list -d eth0
	as_nobody stats
	as_nobody status
	as_nobody set-backends $WEB $FLAT.11
	as_nobody flush
	as_nobody load eth0
	as_nobody unload eth0
}

# foreign_build DIR TARGET...: these of this tree, as another version would be, ABI 99.
foreign_build() {
	mkdir "$1"
	cp -r "$TOP/Makefile" "$TOP/lib" "$TOP/xdp" "$TOP/loader" "$TOP/client" "$TOP/packaging" "$1"
	sed -i 's/^#define XDPLB_ABI .*/#define XDPLB_ABI 99/' "$1/xdp/xdplb.h"
	rm -f "$1"/loader/*.o "$1/xdp/xdplb.o" "$1/loader/xdplb-config"
	make -C "$1" -j "$(nproc)" CFLAGS=-O0 "${@:2}" >/dev/null
}

test_other_abi() {
	topo_flat 0
	foreign_build "$NET_DIR/foreign" xdp/xdplb.o loader/xdplb-config
	in_ns balancer xdp-loader load eth0 "$NET_DIR/foreign/xdp/xdplb.o"
	refused 1 99 list
	refused 1 99 list -d eth0
	refused 1 99 set-backends $WEB $FLAT.11
	refused 1 99 flush
	refused 1 99 stats
	refused 1 99 load eth0
	in_ns balancer xdp-loader unload --all eth0
	in_ns balancer "$NET_DIR/foreign/loader/xdplb-config" load eth0
	in_ns balancer "$NET_DIR/foreign/loader/xdplb-config" set-backends $WEB $FLAT.11
	refused 1 99 flush -p $PINS
	in_ns balancer "$NET_DIR/foreign/loader/xdplb-config" unload --keep-maps eth0
	refused 1 99 list -p $PINS
	refused 1 99 list
	refused 1 99 load eth0
	refused 1 99 set-backends -p $PINS $WEB $FLAT.11
	equal "what is pinned still" 1 "$(in_ns balancer "$NET_DIR/foreign/loader/xdplb-config" -j list -p $PINS | jq length)"
}

# Pins of another version that nobody has configured yet.
test_other_abi_unconfigured() {
	topo_flat 0
	foreign_build "$NET_DIR/foreign" xdp/xdplb.o
	in_ns balancer xdp-loader load -p $PINS eth0 "$NET_DIR/foreign/xdp/xdplb.o"
	refused 1 99 list -p $PINS
	refused 1 99 set-backends -p $PINS $WEB $FLAT.11
	in_ns balancer xdp-loader unload --all eth0
	refused 1 99 load eth0
	refused 1 99 list -p $PINS
}

# Pins whose layout differs, or of which one is missing.
test_other_layout() {
	topo_flat 0
	config load eth0
	config unload --keep-maps eth0
	mv $PINS/xdplb_pools $PINS/something_else
	refused 1 xdplb_pools list -p $PINS
	refused 1 xdplb_pools load eth0
	mv $PINS/something_else $PINS/swapped
	mv $PINS/xdplb_dir $PINS/xdplb_pools
	mv $PINS/swapped $PINS/xdplb_dir
	refused 1 xdplb_dir list -p $PINS
	refused 1 xdplb_dir load eth0
}

# A closed standard stream, a full disk behind the output.
test_streams() {
	local status=0 said
	small
	same_json "no stdin" "$LIST" "$(config -j list <&-)"
	config set-backends $WEB $FLAT.11:8080,weight=3 $FLAT.12 <&-
	config set-backends $WEB $FLAT.11:8080,weight=3 $FLAT.12 >&-
	config set-backends $WEB $FLAT.11:8080,weight=3 $FLAT.12 <&- >&- 2>&-
	same_json "after all" "$LIST" "$(config -j list)"
	said=$(config -j list 2>&1 >/dev/full) || status=$?
	equal "status with a full stdout" 1 $status
	equal "lines about it" 1 "$(wc -l <<<"$said")"
	[[ $said == *"No space left"* ]] || fail "says: $said"
	status=0
	config stats >/dev/full 2>/dev/null || status=$?
	equal "status of stats" 1 $status
	status=0
	config --help >/dev/full 2>/dev/null || status=$?
	equal "status of --help" 1 $status
	! config list >&- 2>/dev/null || fail "list into a closed stdout succeeds"
}
