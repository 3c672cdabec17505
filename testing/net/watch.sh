# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# `stats --watch`, as lines and on a terminal (tmux); `stats --prometheus`; progress.

UDP=$FLAT.10:5300/udp
RATE=200 # datagrams a second

# ---- traffic ------------------------------------------------------------------------

# echoing N: a service with N servers that answer, and one on another network's port that gets nothing.
echoing() {
	local i backends=()
	topo_flat "$1"
	attach eth0
	for ((i = 1; i <= $1; i++)); do
		udp_start "backend$i" "backend$i" 5300
		backends+=("$FLAT.$((10 + i))")
	done
	config set-backends $UDP "${backends[@]}"
	config set-backends $FLAT.10:8000 "${backends[@]}"
}

# paced SECONDS: RATE datagrams a second, a new flow with every tenth; returns when they flow.
paced() {
	local before
	before=$(stat_of .services[0].packets)
	background paced in_ns client "$NET_PYTHON" "$HERE/paced.py" $FLAT.10 5300 $RATE "$1"
	eventually more_packets_than "$before"
}

more_packets_than() {
	[ "$(stat_of .services[0].packets)" -gt "$1" ]
}

# near WHAT EXPECTED GOT: within a fifth, as a busy machine is no clock.
near() {
	is_near "$2" echo "$3" || fail "$1: expected about $2, got $3"
}

# is_near EXPECTED COMMAND...: what that says now.
is_near() {
	local got
	got=$("${@:2}")
	[ "$((10 * got))" -ge "$((8 * $1))" ] && [ "$((10 * got))" -le "$((12 * $1))" ]
}

# watches NAME ARGUMENT...: `stats --watch` whose lines go to NET_DIR/NAME.out, until `watched NAME`.
watches() {
	background "$1" nsenter --net=/run/netns/${NET_PREFIX}balancer "$XDPLB_CONFIG" stats --watch "${@:2}"
}

watched() {
	local job=JOB_$1
	runs "$1"
	kill "${!job}"
	wait "${!job}" || true
}

# has_lines NAME N PATTERN
has_lines() {
	[ "$(grep -c -e "$3" "$NET_DIR/$1.out")" -ge "$2" ]
}

# ---- lines ------------------------------------------------------------------------------

# The middle one of what jq says of each object, but for the first, in which the traffic may have begun: a second in
# which the sender has slept, and the next, in which it catches up, are no measure.
middle() {
	tail -n +2 "$NET_DIR/watch.out" | jq -r "$1" | sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

test_watch_json() {
	local service
	echoing 2
	paced 60
	watches watch -j
	eventually has_lines watch 6 services
	watched watch
	service='.services[] | select(.service == "'$UDP'")'
	near "packets" $RATE "$(middle "$service.packets_per_second")"
	near "bits: Ethernet, IPv4, UDP and 100 bytes" $((RATE * 142 * 8)) "$(middle "$service.bits_per_second")"
	near "new flows" $((RATE / 10)) "$(middle "$service.new_flows_per_second")"
	near "replies, of 109 bytes" $RATE "$(middle "$service.replies_per_second")"
	near "their bits" $((RATE * 151 * 8)) "$(middle "$service.reply_bits_per_second")"
	near "half of it" $((RATE / 2)) "$(middle "$service.backends[1].packets_per_second")"
	near "sent on" $((2 * RATE)) "$(middle .verdicts_per_second.tx)"
	[ "$(middle "$service.active_flows")" -gt 20 ] || fail "active flows: $(middle "$service.active_flows")"
	equal "of the other" 0 "$(middle '.services[] | select(.service != "'$UDP'").packets_per_second')"
	equal "of a second each" true "$(jq -s '[.[].time] | (.[5] - .[0]) / 5 | . > 0.9 and . < 1.2' "$NET_DIR/watch.out")"
	equal "of one service" 1 "$(in_ns balancer timeout 10 "$XDPLB_CONFIG" stats -j --watch $UDP | head -n 1 |
		jq '.services | length')"
}

# last_of COLUMN: of the service's last line.
last_of() {
	grep "^$UDP" "$NET_DIR/watch.out" | awk -v column="$1" 'NF > column { value = $column } END { print value + 0 }'
}

test_watch_lines() {
	echoing 1
	paced 60
	watches watch
	eventually has_lines watch 3 "^[0-9:]* *packets/s *bits/s *new/s *active *replies/s *bits/s$"
	eventually is_near $RATE last_of 2
	eventually is_near $((RATE / 10)) last_of 4
	watched watch
	has_lines watch 3 "^    $FLAT.11:5300 " || fail "no backends: $(cat "$NET_DIR/watch.out")"
	has_lines watch 3 "^drops/s:  none$" || fail "no drops: $(cat "$NET_DIR/watch.out")"
	equal "escape sequences" 0 "$(grep -c $'\e' "$NET_DIR/watch.out" || true)"
	equal "errors" "" "$(cat "$NET_DIR/watch.err")"
	# Drops have their reason.
	config del-backend $FLAT.10:8000 $FLAT.11
	watches watch -j
	in_ns client curl -s --noproxy '*' --max-time 2 http://$FLAT.10:8000/ || true
	eventually has_lines watch 2 services
	watched watch
	[ "$(jq -s '[.[].drops_per_second.no_backend] | max' "$NET_DIR/watch.out")" -gt 0 ] ||
		fail "no drops: $(cat "$NET_DIR/watch.out")"
}

# Its reader goes, or the output is full: it ends.
test_watch_ends() {
	local status=0
	small
	in_ns balancer timeout 5 "$XDPLB_CONFIG" stats --watch | head -n 1 >/dev/null || status=$?
	equal "status when nobody reads" 141 $status
	status=0
	in_ns balancer timeout 5 "$XDPLB_CONFIG" stats --watch >/dev/full 2>"$NET_DIR/err" || status=$?
	equal "status of a full disk" 1 $status
	grep -q "cannot write the output: No space left" "$NET_DIR/err" || fail "it says: $(cat "$NET_DIR/err")"
	refused 2 --prometheus stats --watch --prometheus
	refused 2 --prometheus stats --prometheus -j
	refused 2 --pretty stats --watch --pretty
	refused 1 $FLAT.10:81/tcp stats --watch $FLAT.10:81
	refused 1 $FLAT.10:81/tcp stats --prometheus $FLAT.10:81
}

# Whatever is done to the balancer, it goes on, and never counts backwards.
test_watch_changes() {
	local i
	echoing 2
	config unload eth0
	config load eth0
	config set-backends $UDP $FLAT.11 $FLAT.12
	paced 60
	watches watch -j
	for i in 1 2 3; do
		config set-backends $UDP $FLAT.12
		config set-backends $FLAT.10:80$i $FLAT.11
		sleep 0.4
		config load eth0
		config set-backends $UDP $FLAT.11 $FLAT.12
		sleep 0.4
		config del-service $UDP
		config set-backends $UDP $FLAT.11 $FLAT.12
		sleep 0.4
	done
	config unload eth0
	eventually grep -q "no interface has xdplb" "$NET_DIR/watch.err"
	sleep 1.5
	config load eth0
	eventually has_lines watch 2 '"services": \[ \]'
	watched watch
	equal "said once" 1 "$(wc -l <"$NET_DIR/watch.err")"
	equal "negative" 0 "$(grep -c -e '": -' "$NET_DIR/watch.out" || true)"
	[ "$(jq -s '[.[].services[].packets_per_second] | max' "$NET_DIR/watch.out")" -lt $((3 * RATE)) ] ||
		fail "more than was sent: $(cat "$NET_DIR/watch.out")"
}

# thirty_changes: how many milliseconds they take.
thirty_changes() {
	local i begin
	begin=$(date +%s%3N)
	for i in {1..30}; do config set-weight $WEB $FLAT.12 $i || fail "change $i fails"; done
	echo $(($(date +%s%3N) - begin))
}

# Who makes changes is not held up, and who watches does not wait with keys.
test_watch_lock() {
	local alone beside
	needs tmux
	small
	alone=$(thirty_changes)
	watches watch -j
	beside=$(thirty_changes)
	# Held up by each look, it would be fifteen seconds.
	[ $beside -lt $((2 * alone + 5000)) ] || fail "30 changes take $beside ms, and $alone when nobody watches"
	watched watch
	terminal 80 24
	types "$XDPLB_CONFIG stats --watch"
	shows "^$WEB "
	flock /run/xdplb.lock sleep 20 &
	shows "another xdplb-config is making a change"
	shows "^$WEB "
	keys q
	shows '^shell$'
	types "$XDPLB_CONFIG set-weight $WEB $FLAT.12 9"
	shows "waiting for another xdplb-config that is making a change, 3 s of 60 s$"
	shows "change, 4 s of 60 s$"
	equal "lines of it" 1 "$(seen | grep -c waiting)"
}

# ---- Prometheus ---------------------------------------------------------------------------

# scrape ARGUMENT...: into NET_DIR/samples, when it is right.
scrape() {
	config stats --prometheus "$@" >"$NET_DIR/exposition"
	judge_exposition
}

test_prometheus() {
	local which got
	echoing 2
	config set-backends "[fd71::10]:5300/udp" fd71::11,weight=7,state=drain
	udp_ask client -n 10 $FLAT.10 5300 @100 >/dev/null
	scrape
	which='service="'$UDP'"'
	equal packets 10 "$(sample "xdplb_service_packets_total{$which}")"
	equal bytes 1420 "$(sample "xdplb_service_bytes_total{$which}")"
	equal replies 10 "$(sample "xdplb_service_reply_packets_total{$which}")"
	equal "reply bytes" 1510 "$(sample "xdplb_service_reply_bytes_total{$which}")"
	equal "new flows" 1 "$(sample "xdplb_service_new_flows_total{$which}")"
	equal "active flows" 1 "$(sample "xdplb_service_active_flows{$which}")"
	equal "of the backends" 10 "$((
		$(sample "xdplb_backend_packets_total{backend=\"$FLAT.11:5300\",$which}") +
		$(sample "xdplb_backend_packets_total{backend=\"$FLAT.12:5300\",$which}")))"
	which='backend="[fd71::11]:5300",service="[fd71::10]:5300/udp"'
	equal weight 7 "$(sample "xdplb_backend_weight{$which}")"
	equal "in drain" 1 "$(sample "xdplb_backend_state{$which,state=\"drain\"}")"
	equal "not up" 0 "$(sample "xdplb_backend_state{$which,state=\"up\"}")"
	equal services 3 "$(sample xdplb_services)"
	equal backends 5 "$(sample xdplb_backends)"
	equal flows 1 "$(sample xdplb_flows)"
	equal "room for flows" 1048576 "$(sample xdplb_flows_max)"
	equal "sent on" 20 "$(sample 'xdplb_verdicts_total{verdict="tx"}')"
	equal drops "$(stat_of '.drops | keys | sort | join(" ")')" \
		"$(sed -n 's/^xdplb_drops_total{reason="\(.*\)"} .*/\1/p' "$NET_DIR/samples" | sort | xargs)"
	scrape $UDP
	equal "of one service" 1 "$(grep -c xdplb_service_packets_total "$NET_DIR/samples")"
	config flush
	scrape
	equal "of none" 0 "$(sample xdplb_services)"
	# The manual's recipe.
	got=$(sed -n "s/^# \(xdplb-config stats --prometheus >.*\)/\1/p" "$TOP/man/xdplb-config.8")
	mkdir "$NET_DIR/textfile"
	in_ns balancer bash -c "cd $NET_DIR/textfile; xdplb-config() { $XDPLB_CONFIG \"\$@\"; }; $got" ||
		fail "the manual's line fails: $got"
	equal "what it leaves" xdplb.prom "$(ls "$NET_DIR/textfile")"
}

# The checker is worth something.
test_exposition_checker() {
	local line
	printf '# HELP a_total A.\n# TYPE a_total counter\na_total{b="c"} 1\n' >"$NET_DIR/good"
	printf '# HELP c_seconds C.\n# TYPE c_seconds summary\nc_seconds_sum 1.5\nc_seconds_count 2\n' >>"$NET_DIR/good"
	"$NET_PYTHON" "$HERE/exposition.py" "$NET_DIR/good" >/dev/null || fail "what is right is refused"
	for line in 'a_total{b="c"} 2' 'a_total{b="c} 2' 'a_total{b="x\y"} 2' 'a_total 2 ' 'b_total 2' \
		'# HELP a_total A.' '# TYPE b gauge' 'a_total{b="1",b="2"} 2' 'a_total{b="x"} -2' 'b 1' ''; do
		{ cat "$NET_DIR/good"; echo "$line"; } >"$NET_DIR/bad"
		[ "$line" != 'b 1' ] || sed -i 's/^b 1$/# HELP b B.\n# TYPE b summary\nb_sum 1.5\nb_count 2\nb 1/' "$NET_DIR/bad"
		[ "$line" != '# TYPE b gauge' ] || printf 'b 1\na_total{b="d"} 1\n' >>"$NET_DIR/bad"
		! "$NET_PYTHON" "$HERE/exposition.py" "$NET_DIR/bad" >/dev/null || fail "it takes: $line"
	done
}

# ---- a terminal -----------------------------------------------------------------------------

# tmux_do COMMAND...: of this case's own server.
tmux_do() {
	tmux -S "$NET_DIR/tmux" "$@"
}

# terminal WIDTH HEIGHT [LANG]: a shell on the balancer in a terminal, that says "shell".
terminal() {
	cat >"$NET_DIR/shell" <<-END
		export LANG=${3:-C.UTF-8} LC_ALL=${3:-C.UTF-8} PS1='# '
		echo shell
		exec nsenter --net=/run/netns/${NET_PREFIX}balancer sh
	END
	tmux_do -f /dev/null -u new-session -d -x "$1" -y "$2" "sh $NET_DIR/shell"
	shows '^shell$'
	shows '^#'
}

# types LINE, keys KEY...
types() {
	tmux_do send-keys -l "$1"
	tmux_do send-keys Enter
}

keys() {
	tmux_do send-keys "$@"
}

resize() {
	tmux_do resize-window -x "$1" -y "$2"
}

# seen: what is on the screen.
seen() {
	tmux_do capture-pane -p
}

# shows PATTERN, sooner or later; shows_not PATTERN.
shows() {
	local try
	for try in {1..400}; do
		! seen | grep -q -e "$1" || return 0
		sleep 0.05
	done
	fail "the screen has no '$1' ($try tries): $(seen | sed '/^$/d' | head -n 12)"
}

shows_not() {
	! seen | grep -q -e "$1" || fail "the screen has '$1': $(seen | sed '/^$/d' | head -n 12)"
}

# number PATTERN COLUMN: of the row that begins so; k and M are written out.
number() {
	seen | awk -v row="$1" -v column="$2" 'index($0, row) == 1 {
		value = $column
		if (sub(/k$/, "", value)) value *= 1000
		if (sub(/M$/, "", value)) value *= 1000000
		printf "%d\n", value
		exit
	}'
}

# left: the screen is the shell's.
left() {
	[ "$(tmux_do display-message -p '#{alternate_on}')" = 0 ]
}

# modes_into FILE: those the terminal has now.
modes_into() {
	types "stty -g >$NET_DIR/$1 && mv $NET_DIR/$1 $NET_DIR/$1.modes"
	eventually test -e "$NET_DIR/$1.modes"
}

# restored: the shell is there again, with what was on the screen before, its modes and its cursor.
restored() {
	shows '^shell$'
	shows_not "packets/s"
	rm -f "$NET_DIR/after.modes"
	modes_into after
	equal "modes of the terminal" "$(cat "$NET_DIR/before.modes")" "$(cat "$NET_DIR/after.modes")"
	equal "its cursor is seen" 1 "$(tmux_do display-message -p '#{cursor_flag}')"
	left || fail "the screen is still the other one"
}

test_screen() {
	needs tmux
	echoing 2
	paced 60
	terminal 130 24
	modes_into before
	types "$XDPLB_CONFIG stats --watch"
	shows "packets/s *bits/s *new/s *active *replies/s *bits/s  last minute"
	shows "^  $FLAT.11:5300 "
	shows '█$'
	eventually is_near $RATE number "$UDP" 2
	eventually is_near $((RATE * 142 * 8)) number "$UDP" 3
	eventually is_near $((RATE / 10)) number "$UDP" 4
	eventually is_near $RATE number "$UDP" 6
	eventually is_near $((RATE / 2)) number "  $FLAT.12:5300" 2
	shows "^xdplb [0-9:]*  2 services  packets/s [12][0-9][0-9]  bits/s"
	shows "^verdicts/s: tx [345][0-9][0-9] redirect 0"
	shows "^drops/s: none$"
	shows "^q leaves$"
	# It goes on.
	sleep 2
	shows '[█▇▆]\{3\}$'
	keys q
	restored
}

# From wide to narrow and low, and back, while it runs.
test_screen_sizes() {
	needs tmux
	echoing 2
	config set-backends "[fd71:1111:2222:3333:4444:5555:6666:10]:65535/udp" fd71::11
	terminal 40 10
	modes_into before
	types "$XDPLB_CONFIG stats --watch"
	shows "^ *packets/s  bits/s$"
	shows "^rows 1 to 5 of 8; q leaves$"
	keys End
	shows "^~.*:6666:10\]:65535/udp *0 *0$"
	keys Home
	shows "^rows 1 to 5 of 8"
	resize 80 24
	shows "packets/s  bits/s  new/s  active replies/s$"
	shows "^q leaves$"
	shows "^  \[fd71::11\]:65535 "
	resize 20 5
	shows "^rows 1 to 2 of 8; *$"
	resize 10 2
	shows "^$FLAT.10$\|^~.*tcp$\|^~.*udp$"
	resize 1 1
	sleep 1.2
	resize 200 50
	shows "active replies/s  bits/s  last minute$"
	keys q
	eventually left
	# What the shell had said has no room on a screen so small.
	resize 80 24
	types 'echo shell'
	restored
}

test_screen_scrolls() {
	local i backends=()
	needs tmux
	topo_flat 0
	attach eth0
	for i in {1..50}; do backends+=("$FLAT.$((i + 100))"); done
	config set-backends $WEB "${backends[@]}" 2>/dev/null
	terminal 80 24
	modes_into before
	types "$XDPLB_CONFIG stats --watch"
	shows "^rows 1 to 19 of 51; q leaves; arrow and page keys move$"
	keys Down Down
	shows "^rows 3 to 21 of 51"
	shows_not "^$WEB "
	keys Up
	shows "^rows 2 to 20 of 51"
	keys NPage
	shows "^rows 21 to 39 of 51"
	keys End
	shows "^rows 33 to 51 of 51"
	shows "^  $FLAT.150:80 "
	keys Down NPage
	sleep 1.2
	shows "^rows 33 to 51 of 51"
	keys PPage
	shows "^rows 14 to 32 of 51"
	keys Home Up
	shows "^rows 1 to 19 of 51"
	# The rest may go while the last are looked at.
	keys End
	config set-backends $WEB $FLAT.101
	shows "^$WEB "
	shows "^q leaves$"
	keys q
	restored
}

test_screen_ascii() {
	needs tmux
	echoing 1
	paced 60
	terminal 100 24 C
	modes_into before
	types "$XDPLB_CONFIG stats --watch $UDP"
	shows '##$'
	shows_not "$FLAT.10:8000"
	equal "other characters" 0 "$(seen | LC_ALL=C grep -c '[^ -~]' || true)"
	keys q
	restored
	# A terminal that cannot be written all over gets lines.
	types "TERM=dumb timeout 2.5 $XDPLB_CONFIG stats --watch"
	shows "^drops/s:  none"
}

# However it ends, the terminal is as it was.
test_screen_ends() {
	local signal process
	needs tmux
	small
	terminal 80 50
	modes_into before
	for signal in TERM INT HUP QUIT; do
		types "$XDPLB_CONFIG stats --watch; echo $signal \$?"
		shows "^drops/s: none"
		process=$(pgrep -P "$(tmux_do display-message -p '#{pane_pid}')")
		kill -$signal "$process"
		shows "^$signal 0$"
		restored
	done
	types "$XDPLB_CONFIG stats --watch; echo status \$?"
	shows "^drops/s: none"
	keys C-c
	shows "^status 0$"
	restored
	types "$XDPLB_CONFIG stats --watch"
	shows "^drops/s: none"
	keys C-z
	shows "Stopped"
	shows_not "drops/s"
	types fg
	shows "^drops/s: none"
	keys q
	restored
}

# The terminal goes, and with it who watches on it; also one that takes no SIGHUP.
test_screen_gone() {
	local before process
	needs tmux
	small
	for before in ":" "trap '' HUP"; do
		terminal 80 24
		types "$before; $XDPLB_CONFIG stats --watch"
		shows "^drops/s: none"
		process=$(pgrep -P "$(tmux_do display-message -p '#{pane_pid}')")
		tmux_do kill-server
		eventually gone "$process"
	done
}

gone() {
	[ ! -e "/proc/$1" ]
}

# The balancer goes, and comes again.
test_screen_changes() {
	needs tmux
	small
	terminal 80 24
	modes_into before
	types "$XDPLB_CONFIG stats --watch $WEB"
	shows "^$WEB "
	config del-service $WEB
	shows "^$WEB: no such service"
	shows_not "^  $FLAT.11"
	config set-backends $WEB $FLAT.13
	shows "^  $FLAT.13:80 "
	config unload eth0
	shows "^no interface has xdplb"
	config load eth0
	config set-backends $WEB $FLAT.14
	shows "^  $FLAT.14:80 "
	keys q
	restored
	types "$XDPLB_CONFIG stats --watch $FLAT.10:81"
	shows "^xdplb-config: $FLAT.10:81/tcp: "
	shows_not "packets/s"
}

# ---- progress -----------------------------------------------------------------------------------

test_drain_progress() {
	local service=$FLAT.10:7000/tcp
	needs tmux
	topo_flat 1
	attach eth0
	echoes 1
	config set-backends $service $FLAT.11
	lasting_flows client one $FLAT.10 7000 3
	lasting_flows client two $FLAT.10 7000 1
	eventually four_flows
	terminal 60 12
	types "$XDPLB_CONFIG drain $service $FLAT.11 --wait 50; echo status \$?"
	shows "^\[\.\{20\}\] 4 flows left, 0:0[1-9] of 0:50$"
	resize 30 12
	shows "^4 flows left, 0:[0-9]* of 0:50$"
	resize 60 12
	finish one
	shows "^\[#\{15\}\.\{5\}\] 1 flow left, 0:[0-9]* of 0:50$"
	equal "lines of it" 1 "$(seen | grep -c left)"
	finish two
	shows "^status 0$"
	shows "^0 flows left$"
	equal "lines of it" 1 "$(seen | grep -c left)"
}

# While its flow table changes its size, load says what it is at, and leaves nothing of it behind.
test_load_progress() {
	local words shown
	needs tmux
	topo_flat 1
	config load --flows 4000000 eth0
	equal "into a pipe" "" "$(config load --flows 1000000 eth0 2>&1 | cat)"
	terminal 80 12
	tmux_do pipe-pane "cat >$NET_DIR/raw"
	types "$XDPLB_CONFIG load --flows 2000000 eth0; echo status \$?"
	shows "^status 0$"
	shows_not ", 0:[0-9]"
	for words in "making a table of 2097152 flows, 0:00" "having the kernel verify xdplb, 0:[0-9]" "\[\.\{20\}\] attaching to eth0, 0:[0-9]" \
		"replacing the program on eth0, 0:[0-9]" "\[#\{10\}\.\{10\}\] carrying flows: 524288 of 1048576 places seen, 0:[0-9]"; do
		grep -q -e "$words" "$NET_DIR/raw" || fail "it never said '$words'"
	done
	types "$XDPLB_CONFIG load -m skb eth0"
	shows "^xdplb-config: eth0: "
	shown=$(grep -ao "making a table" "$NET_DIR/raw" | wc -l)
	types "TERM=dumb $XDPLB_CONFIG load --flows 1000000 eth0; echo dumb \$?"
	shows "^dumb 0$"
	equal "on a dumb terminal" "$shown" "$(grep -ao "making a table" "$NET_DIR/raw" | wc -l)"
}

four_flows() {
	[ "$(stat_of .services[0].active_flows)" = 4 ]
}
