# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# What xdplb-config shows and takes, as testing's contract with scripts.

test_list_json() {
	small
	same_json "-j list" "$LIST" "$(config -j list)"
	same_json "list -j SERVICE" "$LIST" "$(config list $WEB -j)"
	same_json "--pretty" "$LIST" "$(config list --pretty)"
	equal "one line" 1 "$(config -j list | wc -l)"
	config flush
	same_json "empty" "[]" "$(config -j list)"
}

test_list_text() {
	local text
	small
	text=$(config list)
	equal "first line" "$WEB wrr nat" "$(head -n 1 <<<"$text" | xargs)"
	equal "second line" "$FLAT.11:8080 weight 3 up" "$(sed -n 2p <<<"$text" | xargs)"
	equal "third line" "$FLAT.12:80 weight 1 up" "$(sed -n 3p <<<"$text" | xargs)"
	config set-backends $FLAT.10:53/udp $FLAT.11 --snat $FLAT.10
	equal "one of two" 2 "$(config list $FLAT.10:53/udp | wc -l)"
	[[ $(config list) == *"snat $FLAT.10"* ]] || fail "--snat is not shown"
}

test_stats_json() {
	local got zero='{"packets": 0, "bytes": 0, "new_flows": 0, "active_flows": 0}'
	small
	got=$(config -j stats | jq '{verdicts, services: [.services[] | {service, packets, bytes, new_flows, active_flows,
		backends: [.backends[] | {address, port, packets, bytes, new_flows, active_flows}]}]}' |
		jq 'del(.verdicts.pass)')
	same_json stats "$(jq -n --argjson z "$zero" '{services: [{service: "'$WEB'"} + $z + {backends: [
		{address: "'$FLAT.11'", port: 8080} + $z, {address: "'$FLAT.12'", port: 80} + $z]}],
		verdicts: {tx: 0, redirect: 0, drop: 0}}')" "$got"
	got=$(config -j stats)
	jq -e '.verdicts.pass | type == "number"' <<<"$got" >/dev/null || fail "verdicts.pass is no number"
	jq -e '.drops | .no_backend == 0 and .no_neighbour == 0' <<<"$got" >/dev/null || fail "drops: $got"
}

# What is to be typed on backends, those together that need the same.
test_backend_setup_json() {
	topo_flat 2
	config load eth0
	config set-backends $FLAT.100:8000 --forward dsr $FLAT.11 $FLAT.12
	same_json backends '[{"service": "'$FLAT.100:8000/tcp'", "forward": "dsr", "backends": ["'$FLAT.11'", "'$FLAT.12'"]}]' \
		"$(config -j backend-setup $FLAT.100:8000 | jq 'map(del(.commands))')"
	equal commands "$(config backend-setup $FLAT.100:8000 $FLAT.12 | sed '/^# .*root shell on/d; /^# Until/d')" \
		"$(config -j backend-setup $FLAT.100:8000 | jq -r '.[0].commands')"
	same_json "of one" '["'$FLAT.12'"]' "$(config -j backend-setup $FLAT.100:8000 $FLAT.12 | jq '.[].backends')"
}

# What is counted adds up with what was sent.
test_stats_count() {
	flat 2
	udp_start backend1 backend1 5300
	config set-backends $FLAT.10:5300/udp $FLAT.11
	udp_ask client -n 10 $FLAT.10 5300 @100 >/dev/null
	# Ethernet, IPv4, UDP and 100 bytes; the answer has "backend1 " in front.
	equal "packets, bytes, flows" "10 1420 1 1" "$(stat_of \
		'.services[0] | "\(.packets) \(.bytes) \(.new_flows) \(.active_flows)"')"
	equal "of the backend" "10 1420 1 1" "$(stat_of \
		'.services[0].backends[0] | "\(.packets) \(.bytes) \(.new_flows) \(.active_flows)"')"
	equal replies "10 1510" "$(stat_of '.services[0] | "\(.reply_packets) \(.reply_bytes)"')"
	equal sent 20 "$(stat_of '.verdicts.tx + .verdicts.redirect')"
	config set-backends $FLAT.10:8000 $FLAT.12
	http_get client http://$FLAT.10:8000/ >/dev/null
	http_get client http://$FLAT.10:8000/ >/dev/null
	equal "flows of tcp" 2 "$(config -j stats $FLAT.10:8000 | jq .services[0].new_flows)"
	equal "flows that ended" 0 "$(config -j stats $FLAT.10:8000 | jq .services[0].active_flows)"
	equal services 2 "$(stat_of '.services | length')"
}

test_stats_text() {
	local text
	small
	text=$(config stats)
	[[ $text == *"$WEB "*"$FLAT.11:8080 "*"$FLAT.12:80 "*"verdicts:"*"drops:"* ]] || fail "stats says: $text"
}

# A service without backends drops, and says so.
test_no_backend() {
	flat 0
	config set-backends $WEB $FLAT.11
	config del-backend $WEB $FLAT.11
	same_json list '[{"service": "'$WEB'", "scheduler": "wrr", "forward": "nat", "backends": []}]' "$(config -j list)"
	[[ $(config list) == *"no backends"* ]] || fail "list: $(config list)"
	! in_ns client curl -s --noproxy '*' --max-time 1 http://$FLAT.10/ || fail "somebody answers"
	[ "$(stat_of .drops.no_backend)" -gt 0 ] || fail "not counted as no_backend"
	! config list | grep -q weight || fail "list: $(config list)"
}

# weights: "PORT=WEIGHT ..." of the first service.
weights() {
	config -j list | jq -r '[.[0].backends[] | "\(.address | split(".")[3])=\(.weight)"] | join(" ")'
}

test_edit() {
	small
	equal start "11=3 12=1" "$(weights)"
	config add-backend $WEB $FLAT.13,weight=5 $FLAT.14:81
	equal add-backend "11=3 12=1 13=5 14=1" "$(weights)"
	config set-weight $WEB $FLAT.12 65535
	equal set-weight "11=3 12=65535 13=5 14=1" "$(weights)"
	config del-backend $WEB $FLAT.11:8080 $FLAT.14:81
	equal del-backend "12=65535 13=5" "$(weights)"
	config set-backends $WEB $FLAT.12:99
	same_json set-backends '[{"address": "'$FLAT.12'", "port": 99, "weight": 1, "state": "up"}]' \
		"$(config -j list | jq '.[0].backends')"
	config del-backend $WEB $FLAT.12:99
	equal "the last" "" "$(weights)"
	config add-backend $WEB $FLAT.15
	equal "again" "15=1" "$(weights)"
}

test_delete() {
	small
	config set-backends $FLAT.10:53/udp $FLAT.11
	config set-backends $FLAT.10:80/udp $FLAT.11
	config del-service $WEB
	equal left "$FLAT.10:53/udp $FLAT.10:80/udp" "$(config -j list | jq -r '[.[].service] | sort | join(" ")')"
	config flush
	equal left 0 "$(config -j list | jq length)"
	config flush
}

# tcp where the protocol is left out; state and mac as the contract has them.
test_words() {
	topo_flat 0
	attach eth0
	config set-backends $FLAT.10:80 $FLAT.11:1,state=drain,weight=2 $FLAT.12:65535,mac=02:00:00:00:00:01
	same_json list '[{"service": "'$WEB'", "scheduler": "wrr", "forward": "nat", "backends": [
		{"address": "'$FLAT.11'", "port": 1, "weight": 2, "state": "drain"},
		{"address": "'$FLAT.12'", "port": 65535, "weight": 1, "state": "up"}]}]' "$(config -j list |
		jq 'del(.[].backends[].mac)')"
	config set-backends $FLAT.10:80 --scheduler=rr --forward nat $FLAT.11
	equal scheduler rr "$(config -j list | jq -r .[0].scheduler)"
	config set-backends $FLAT.10:80 $FLAT.12
	equal "scheduler kept" rr "$(config -j list | jq -r .[0].scheduler)"
}

test_options_anywhere() {
	local words
	small
	for words in "-j list" "list -j" "-j list -d eth0" "list -d eth0 -j" "list $WEB -d eth0 -j" \
		"-d eth0 -j list $WEB" "list -jd eth0 $WEB" "list --json --dev=eth0" "-d eth0 list -j"; do
		# shellcheck disable=SC2086 # each word
		same_json "$words" "$LIST" "$(config $words)"
	done
	config set-backends -d eth0 $WEB $FLAT.11
	config set-backends $WEB -d eth0 $FLAT.12 --scheduler rr
	equal last "12=1" "$(weights)"
	config -d eth0 del-service $WEB
	[[ $(config --version) =~ ^xdplb-config\ [0-9.]+,\ ABI\ [0-9]+$ ]] || fail "--version: $(config --version)"
	[[ $(config --help) == *set-backends* ]] || fail "no usage in --help"
	[[ $(config set-backends --help) == *SERVICE* ]] || fail "no usage of set-backends"
}

test_which_balancer() {
	topo_flat 0
	config load eth0
	config set-backends $WEB $FLAT.11:8080,weight=3 $FLAT.12
	same_json neither "$LIST" "$(config -j list)"
	same_json "-d" "$LIST" "$(config -j list -d eth0)"
	same_json "-p" "$LIST" "$(config -j list -p $PINS)"
	config unload eth0 --keep-maps
	same_json "pins alone" "$LIST" "$(config -j list -p $PINS)"
	same_json "neither, pins alone" "$LIST" "$(config -j list)"
}

test_several_balancers() {
	topo_two_armed 0
	attach eth0
	attach eth1
	config set-backends -d eth0 $WEB $ARMED.11
	refused 1 eth0 list
	refused 1 eth1 list
	refused 1 eth1 set-backends $FLAT.10:81 $ARMED.11
	equal "on eth0" 1 "$(config -j list -d eth0 | jq length)"
	equal "on eth1" 0 "$(config -j list -d eth1 | jq length)"
	equal "of status" 2 "$(config -j status | jq '.balancers | length')"
}

test_status() {
	local got
	topo_two_armed 0
	config load eth0 eth1
	config set-backends $WEB $ARMED.11 $ARMED.12
	got=$(config -j status)
	equal status "1 eth0,eth1 native 1 2 $PINS" "$(jq -r '[(.balancers | length), (.balancers[0] |
		([.interfaces[].interface] | sort | join(",")), .interfaces[0].mode, .services, .backends, .pins)] |
		map(tostring) | join(" ")' <<<"$got")"
	equal status "1048576 0" "$(jq -r '.balancers[0] | "\(.flows_max) \(.flows)"' <<<"$got")"
	got=$(config status)
	[[ $got == *eth0*native*eth1*native*ABI*$PINS*services*1\ of*backends*2\ of*flows*0\ of\ 1048576* ]] ||
		fail "status says: $got"
}
