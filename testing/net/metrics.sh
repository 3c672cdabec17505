# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# xdplbd over HTTP: metrics, JSON, the page, and clients that mean no good; the dashboard and the alerts.

# shellcheck source=testing/net/daemon.sh
. "$HERE/daemon.sh"

HTTP=http://127.0.0.1:9475
UDP=$FLAT.10:5300

# ---- a daemon to ask ---------------------------------------------------------------------------

# asked PATH [CURL-OPTION...]: by the balancer itself.
asked() {
	http_get balancer "${@:2}" "$HTTP$1"
}

# status_of PATH [CURL-OPTION...]: HTTP's status.
status_of() {
	asked "$@" -o /dev/null -w '%{http_code}'
}

# served LINE...: HTTP, UDP, two backends each, and a third service of nobody; `daemon:` says LINE...
served() {
	topo_flat 2
	http_servers 2
	config load eth0
	yaml "$@" >"$NET_DIR/x.yaml"
	daemon_start "$NET_DIR/x.yaml"
	eventually said event=http-served
}

yaml() {
	local line
	echo "daemon:"
	echo "  log: text"
	for line; do echo "  $line"; done
	cat <<-END
		services:
		- service: $WEB
		  check: {type: http, $QUICK}
		  backends: ['$FLAT.11:8000,weight=3', '$FLAT.12:8000']
		- service: $UDP/udp
		  backends: ['$FLAT.11', '$FLAT.12']
		- service: '[fd71::10]:80'
		  backends: ['[fd71::77]:80,state=drain']
	END
}

# scrape: the metrics into NET_DIR/exposition, and NET_DIR/samples when they are right. Status 1 when nobody answers.
scrape() {
	asked /metrics >"$NET_DIR/exposition" || return
	judge_exposition
}

# becomes NAME VALUE: a sample, sooner or later.
becomes() {
	eventually sample_is "$@"
}

sample_is() {
	scrape || return
	[ "$(sample "$1")" = "$2" ]
}

# labels BACKEND [LABEL]: of the first service's, in order.
labels() {
	echo "backend=\"$FLAT.1$1:8000\"${2:+,$2},service=\"$WEB/tcp\""
}

# results BACKEND RESULT: the name of its checks' number.
results() {
	echo "xdplb_check_results_total{$(labels "$1" "result=\"$2\"")}"
}

# page_says TEXT: somewhere on the page.
page_says() {
	asked / >"$NET_DIR/page"
	grep -qF -e "$1" "$NET_DIR/page" || fail "the page does not say $1: $(head -c 600 "$NET_DIR/page")"
}

# ---- numbers ------------------------------------------------------------------------------------

# What the checks' own packets leave alone.
steady_part() {
	grep -E '^xdplb_(service_|backend_|drops_|answers_|flow_events_|services|backends|flows)'
}

test_metrics_numbers() {
	local i
	served
	udp_ask client -n 10 $FLAT.10 5300 @100 >/dev/null
	for i in 1 2 3 4 5 6 7 8; do http_get client http://$WEB/ >/dev/null; done
	http_get client -m 1 "http://[fd71::10]/" 2>/dev/null || true
	sleep 1.2
	asked /metrics >"$NET_DIR/exposition"
	config stats --prometheus | steady_part >"$NET_DIR/right"
	judge_exposition
	equal "lines that are not as in stats --prometheus" "" "$(grep -vxFf "$NET_DIR/exposition" "$NET_DIR/right" || true)"
	[ "$(wc -l <"$NET_DIR/right")" -gt 100 ] || fail "little is compared"
	equal "packets of a service" 10 "$(sample "xdplb_service_packets_total{service=\"$UDP/udp\"}")"
	[ "$(sample "xdplb_drops_total{reason=\"no_backend\"}")" -gt 0 ] || fail "no drops are counted"
	same_json "services as in -j stats" "$(config -j stats | jq .services)" "$(asked /status.json | jq '
		def counts: with_entries(select(.key | IN("service", "backends", "address", "port", "packets", "bytes",
			"reply_packets", "reply_bytes", "new_flows", "active_flows")));
		.services | map(counts | .backends[] |= counts)')"
	same_json drops "$(config -j stats | jq .drops)" "$(asked /status.json | jq .drops)"
	page_has_numbers
}

# cells: the page's rows of backends and of drops, a line each.
cells() {
	asked / | sed -n 's/^<tr>//p' | sed -e 's/<[^>]*>/ /g'
}

page_has_numbers() {
	local address port packets active
	config -j stats | jq -r '.services[].backends[] | "\(.address) \(.port) \(.packets) \(.active_flows)"' >"$NET_DIR/rows"
	cells >"$NET_DIR/cells"
	while read -r address port packets active; do
		[[ $address != *:* ]] || address="\\[$address\\]"
		grep -qE "^ *$address:$port .* $active +$packets +(http|not checked)" "$NET_DIR/cells" ||
			fail "the page has not $address:$port $packets $active: $(cat "$NET_DIR/cells")"
	done <"$NET_DIR/rows"
	equal "backends on it" 5 "$(wc -l <"$NET_DIR/rows")"
	grep -qE "no_backend +$(stat_of .drops.no_backend) " "$NET_DIR/cells" || fail "no drops on it: $(cat "$NET_DIR/cells")"
}

# ---- the page in a real browser -----------------------------------------------------------------

# hostile_yaml: names and reasons that would be HTML, were they not made text.
hostile_yaml() {
	cat <<-END
		services:
		- service: $WEB
		  check: {type: http, $QUICK}
		  backends: ['$FLAT.11:8000,weight=3', '$FLAT.12:8000']
		- service: $UDP/udp
		  check: {type: command, command: "echo '<img src=x onerror=alert(1)>&quot;'; [ \$XDPLB_ADDRESS = $FLAT.11 ]", $QUICK}
		  backends: ['$FLAT.11', '$FLAT.12']
		- service: '[fd71::10]:80'
		  backends: ['[fd71::77]:80,state=drain']
	END
}

test_page_browser() {
	needs chromium
	local file="$NET_DIR/<script>alert(1)<.yaml"
	topo_flat 2
	http_servers 2
	config load eth0
	hostile_yaml >"$file"
	daemon_start "$file"
	eventually said event=http-served
	becomes "xdplb_check_healthy{backend=\"$FLAT.12:5300\",service=\"$UDP/udp\"}" 0
	background paced in_ns client "$NET_PYTHON" "$HERE/paced.py" $FLAT.10 5300 200 200
	in_ns balancer "$NET_PYTHON" "$HERE/page.py" $HTTP/ "$(daemon_pid)" "${XDPLB_PICTURE:-$NET_DIR/page.png}" \
		>"$NET_DIR/browser" || fail "$(cat "$NET_DIR/browser")"
	[ "$(wc -c <"${XDPLB_PICTURE:-$NET_DIR/page.png}")" -gt 10000 ] || fail "its picture is empty"
}

# ---- requests that are not as they should be -----------------------------------------------------

# raw BYTES: the first line of the answer to them.
raw() {
	printf '%b' "$1" | in_ns balancer timeout 8 socat -t 5 - TCP:127.0.0.1:9475 2>/dev/null | head -n 1 | tr -d '\r'
}

test_http_requests() {
	local method path
	needs socat
	served
	equal "what /healthz says" "200 ok" "$(status_of /healthz) $(asked /healthz)"
	for path in / /metrics /status.json; do
		equal "status of $path" 200 "$(status_of $path)"
		equal "HEAD of $path" "200 0" "$(asked $path -I -o /dev/null -w '%{http_code} %{size_download}')"
	done
	for method in POST PUT DELETE OPTIONS TRACE PATCH GETS; do
		equal "status of $method" 405 "$(status_of / -X $method)"
	done
	asked / -X POST -o /dev/null -D "$NET_DIR/head"
	grep -qi '^allow: GET, HEAD' "$NET_DIR/head" || fail "it does not say what is allowed"
	equal "an upload" 405 "$(head -c 3000000 /dev/zero | status_of / --data-binary @- || true)"
	for path in /x /metrics/ //metrics /../etc/passwd /%2e%2e/; do
		equal "status of $path" 404 "$(status_of $path --path-as-is)"
	done
	equal "with a question" 200 "$(status_of '/metrics?a=b')"
	equal "a long path" 414 "$(status_of "/$(head -c 30000 /dev/zero | tr '\0' a)")"
	equal "long headers" 431 "$(status_of / -H "X: $(head -c 30000 /dev/zero | tr '\0' a)")"
	[[ $(raw 'nonsense\r\n\r\n') == *" 400 "* || -z $(raw 'nonsense\r\n\r\n') ]] || fail "nonsense: $(raw 'nonsense\r\n\r\n')"
	[[ $(raw 'GET / HTTP/1.1\r\n\r\n') == *" 400 "* ]] || fail "without a host: $(raw 'GET / HTTP/1.1\r\n\r\n')"
	[[ $(raw 'GET /healthz HTTP/1.0\r\n\r\n') == *" 200 "* ]] || fail "HTTP/1.0: $(raw 'GET /healthz HTTP/1.0\r\n\r\n')"
	equal "requests that one connection may have" 1 "$(raw \
		'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' | grep -c 200)"
	asked / -o /dev/null -D "$NET_DIR/head"
	for path in "content-security-policy: default-src 'none'" "x-content-type-options: nosniff" \
		"cross-origin-resource-policy: same-origin" "cache-control: no-store" "connection: close"; do
		grep -qi "^$path" "$NET_DIR/head" || fail "no $path: $(cat "$NET_DIR/head")"
	done
}

# passed_of BACKEND: checks so far.
passed_of() {
	scrape || return
	sample "$(results "$1" passed)"
}

# passed_in SECONDS: checks of the second backend.
passed_in() {
	local before
	before=$(passed_of 2)
	sleep "$1"
	echo $(($(passed_of 2) - before))
}

# patient: connections of the slow and the deaf that the daemon still has.
patient() {
	in_ns balancer ss -Htn state established "sport = :9475 and dst $FLAT.3" | wc -l
}

patient_are() {
	[ "$(patient)" = "$1" ]
}

# Whoever asks, and however: checks go on, each in its time, and others get their answers.
test_http_hostile() {
	local before began alone came passed grew kind ended crowd="$HERE/visitors.py" many
	local QUICK="interval: 200ms, timeout: 4, rise: 2, fall: 2"
	mapfile -t many < <(printf "$FLAT.%d,state=drain\n" {100..180})
	served "http: '[::]:9475'"
	# The page is more than fits on its way.
	ns_sysctl balancer ipv4/tcp_wmem "4096 4096 4096"
	config set-backends $FLAT.10:81 "${many[@]}" 2>/dev/null
	in_ns client ip address add $FLAT.3/24 dev eth0
	alone=$(passed_in 4)
	[ "$alone" -ge 10 ] || fail "$alone checks in 4 s, five a second are wanted"
	began=$SECONDS
	background patient in_ns client "$NET_PYTHON" "$crowd" -o $FLAT.3 $FLAT.10 9475 28 slow deaf
	eventually patient_are 10
	before=$(passed_of 2)
	came=$SECONDS passed=$before grew=$SECONDS
	background visitors in_ns client "$NET_PYTHON" "$crowd" $FLAT.2 $FLAT.10 9475 26 silent flood endless upload
	sleep 3
	equal "slow and deaf ones" 10 "$(patient)"
	in_ns backend1 ip link set eth0 down
	eventually is_state 1 down
	in_ns backend1 ip link set eth0 up
	eventually is_state 1 up
	while kill -0 "$JOB_visitors" 2>/dev/null; do
		equal "from elsewhere" 200 "$(status_of /metrics)"
		sleep 1
		[ "$(passed_of 2)" -le "$passed" ] || grew=$SECONDS
		passed=$(passed_of 2)
		[ $((SECONDS - grew)) -le 4 ] || fail "no check has passed for $((SECONDS - grew)) s"
		[ $((SECONDS - began)) -ge 18 ] || [ "$(patient)" -ge 5 ] || fail "the slow are gone before their time"
	done
	patient_are 0 || fail "$(patient) of the slow and the deaf are there for $((SECONDS - began)) s"
	joined visitors
	passed=$(($(passed_of 2) - before))
	[ $((2 * passed * 4)) -ge $((alone * (SECONDS - came))) ] ||
		fail "$passed checks in $((SECONDS - came)) s, $alone in 4 s when nobody came"
	equal "checks that failed" 0 "$(sample "$(results 2 failed)")"
	while read -r kind ended; do
		[ "$ended" -gt 0 ] || fail "none of $kind was ended: $(cat "$NET_DIR/visitors.out")"
	done <"$NET_DIR/visitors.out"
	[ "$(sample process_open_fds)" -lt 100 ] || fail "$(sample process_open_fds) descriptors are left"
}

# Another address with a reload; one that cannot be had stops nothing, and comes when it is free.
test_http_reload() {
	served
	yaml "http: 127.0.0.1:9999" >"$NET_DIR/x.yaml"
	kill -HUP "$(daemon_pid)"
	HTTP=http://127.0.0.1:9999
	eventually said event=http-served address=127.0.0.1:9999
	equal "at the new one" 200 "$(status_of /metrics)"
	equal "at the old one" 000 "$(HTTP=http://127.0.0.1:9475 status_of /metrics 2>/dev/null || true)"
	yaml "http: off" >"$NET_DIR/x.yaml"
	kill -HUP "$(daemon_pid)"
	eventually said_off
	http_start balancer other 9475
	yaml "http: 0.0.0.0:9475" >"$NET_DIR/x.yaml"
	kill -HUP "$(daemon_pid)"
	eventually said event=http-not-served address=0.0.0.0:9475 "reason=.*in use"
	stop "$STARTED"
	sleep 6
	equal "lines of it" 1 "$(said_times http-not-served)"
	HTTP=http://$FLAT.10:9475
	equal "when it is free" 200 "$(status_of /metrics)"
	equal "from elsewhere" 200 "$(http_get client -o /dev/null -w '%{http_code}' $HTTP/metrics)"
	yaml "http: '[fd71::10]:9475'" >"$NET_DIR/x.yaml"
	kill -HUP "$(daemon_pid)"
	HTTP="http://[fd71::10]:9475"
	eventually said event=http-served 'address=\[fd71::10\]:9475'
	equal "by IPv6" 200 "$(status_of /metrics)"
}

said_off() {
	[ "$(status_of /metrics 2>/dev/null || true)" = 000 ]
}

# What the daemon knows of backends, of itself and of the balancer.
test_metrics_health() {
	local which
	served
	which=$(labels 1)
	becomes "xdplb_check_healthy{$which}" 1
	eventually sample_above "$(results 1 passed)" 1
	eventually sample_above "xdplb_check_duration_seconds_sum{$which}" 0
	equal "wanted" 2 "$(sample "xdplb_service_backends{service=\"$WEB/tcp\"}")"
	equal "healthy" 2 "$(sample "xdplb_service_healthy_backends{service=\"$WEB/tcp\"}")"
	equal "a backend that is not checked" "" "$(sample "xdplb_check_healthy{backend=\"$FLAT.11:5300\",service=\"$UDP/udp\"}")"
	in_ns backend1 ip link set eth0 down
	becomes "xdplb_check_healthy{$which}" 0
	becomes "xdplb_backend_state{$which,state=\"down\"}" 1
	equal "healthy" 1 "$(sample "xdplb_service_healthy_backends{service=\"$WEB/tcp\"}")"
	equal "the checks' count" "$(sample "xdplb_check_duration_seconds_count{$which}")" "$((
		$(sample "$(results 1 passed)") +
		$(sample "$(results 1 failed)")))"
	equal "in JSON" "down up failed false" "$(asked /status.json | jq -r '.services[0].backends[0] |
		"\(.state) \(.wanted_state) \(.check.result) \(.check.healthy)"')"
	page_says "$WEB/tcp: 1 of 2 backends healthy"
	page_says '<title>! 3 of 4 healthy'
	in_ns backend2 ip link set eth0 down
	becomes "xdplb_service_floor{service=\"$WEB/tcp\"}" 1
	page_says "the last good ones are kept"
	echo "services: what" >"$NET_DIR/x.yaml"
	kill -HUP "$(daemon_pid)"
	becomes xdplb_configuration_last_load_successful 0
	page_says "x.yaml could not be put in force"
	config unload eth0
	becomes xdplb_balancer_found 0
	equal "counters of none" 0 "$(grep -c '^xdplb_service' "$NET_DIR/samples" || true)"
	equal "/healthz without one" "503 there is no balancer" "$(status_of /healthz) $(asked /healthz)"
	equal "the page" 200 "$(status_of /)"
	page_says "There is no balancer"
	equal "JSON" false "$(asked /status.json | jq .balancer)"
}

sample_above() {
	scrape || return
	awk -v value="$(sample "$1")" -v least="$2" 'BEGIN { exit !(value + 0 > least) }'
}

# ---- the dashboard and the alerts -----------------------------------------------------------------

# promtool ARGUMENT...: must succeed and have nothing to say but on standard output.
promtool() {
	local tool=$TOP/testing/build/promtool
	[ -x "$tool" ] || tool=$(type -P promtool) || skip "no promtool here; see testing/install-deps"
	"$tool" "$@" >"$NET_DIR/promtool" 2>&1 || fail "promtool $1 $2: $(tail -n 12 "$NET_DIR/promtool" | xargs)"
}

test_metrics_promtool() {
	served
	becomes "xdplb_check_healthy{$(labels 1)}" 1
	promtool check metrics <"$NET_DIR/exposition"
	equal "what promtool says of the names" "" "$(cat "$NET_DIR/promtool")"
	config stats --prometheus >"$NET_DIR/exposition"
	promtool check metrics <"$NET_DIR/exposition"
	equal "of those of stats --prometheus" "" "$(cat "$NET_DIR/promtool")"
}

# What the dashboard and the alerts ask for is there, and they are such as Prometheus reads.
test_metrics_queries() {
	local broken
	served
	becomes "xdplb_check_healthy{$(labels 1)}" 1
	queries "$TOP/docs/grafana.json" "$TOP/docs/alerts.yml" >"$NET_DIR/rules.yml" || fail "$(head -n 5 "$NET_DIR/rules.yml" | xargs)"
	for broken in s/xdplb_flows_max/xdplb_flows_most/ 's/by (verdict)/by (verdikt)/' 's/{{cpu}}/{{core}}/' \
		's/"id": 3,/"id": 4,/' 's/service=~\\"\$service/services=~\\"$service/'; do
		sed "$broken" "$TOP/docs/grafana.json" >"$NET_DIR/broken.json"
		! cmp -s "$TOP/docs/grafana.json" "$NET_DIR/broken.json" || fail "nothing is broken by $broken"
		! queries "$NET_DIR/broken.json" "$TOP/docs/alerts.yml" >/dev/null || fail "it takes a dashboard with $broken"
	done
	sed 's/xdplb_service_floor/xdplb_service_flaw/' "$TOP/docs/alerts.yml" >"$NET_DIR/broken.yml"
	! queries "$TOP/docs/grafana.json" "$NET_DIR/broken.yml" >/dev/null || fail "it takes an alert that never comes"
	promtool check rules "$NET_DIR/rules.yml"
}

queries() {
	"$NET_PYTHON" "$HERE/queries.py" "$NET_DIR/exposition" "$@"
}

# Each alert comes when it shall, and no other: testing/alerts.
test_metrics_alerts() {
	local name
	promtool check rules "$TOP/docs/alerts.yml"
	promtool test rules "$TOP/testing/alerts/alerts_test.yml"
	for name in $(sed -n 's/^ *- alert: //p' "$TOP/docs/alerts.yml"); do
		grep -q "^ *- alertname: $name$" "$TOP/testing/alerts/alerts_test.yml" || fail "$name is never made to come"
		grep -q "{alertname: $name, eval_time" "$TOP/testing/alerts/alerts_test.yml" || fail "$name is never kept from it"
	done
}
