# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# The options of a service, its backends' states, the flow table as it is shown, and waiting for a drain.

DNS=$FLAT.10:53/udp

# shown SERVICE: its first line in `list`, without the double blanks.
shown() {
	config list "$1" | head -n 1 | xargs
}

test_options_shown() {
	small
	config set-backends $WEB --scheduler maglev --forward dsr $FLAT.11 $FLAT.12
	equal "maglev" "$WEB maglev dsr table-size 16381" "$(shown $WEB)"
	config set-service $WEB --table-size 1021 --affinity client/24,600 --slow-start 30 --window 60 \
		--timeout udp=5,established=3600
	equal "everything" "$WEB maglev dsr table-size 1021 affinity client/24,600 slow-start 30 timeout established=3600,udp=5 window 60" \
		"$(shown $WEB)"
	same_json "in JSON" '{"service": "'$WEB'", "scheduler": "maglev", "forward": "dsr", "table_size": 1021,
		"affinity": {"prefix": 24, "timeout": 600}, "slow_start": 30, "timeout": {"established": 3600, "udp": 5},
		"window": 60}' "$(config -j list | jq '.[0] | del(.backends)')"
	config set-weight $WEB $FLAT.12 7
	config set-backends $WEB $FLAT.12 $FLAT.11
	equal "after other changes" "$WEB maglev dsr table-size 1021 affinity client/24,600 slow-start 30 timeout established=3600,udp=5 window 60" \
		"$(shown $WEB)"
	config set-service $WEB --scheduler rr --forward nat --affinity none --slow-start 0 --window 300 \
		--timeout established=900,udp=300
	equal "defaults again" "$WEB rr nat" "$(shown $WEB)"
	config set-service $WEB --scheduler sh
	equal "the table is as it was" "$WEB sh nat table-size 1021" "$(shown $WEB)"
	config set-service $WEB --table-size auto
	equal "the table of its own choice" "$WEB sh nat table-size 16381" "$(shown $WEB)"
}

test_options_refused() {
	small
	config set-backends $DNS $FLAT.11
	refused 2 "an option is expected" set-service $WEB
	refused 1 "prefix 33" set-service $WEB --affinity client/33
	refused 1 cookie set-backends $WEB --affinity cookie $FLAT.11
	refused 1 "udp 0" set-service $WEB --timeout udp=0
	refused 1 "nearest is 997" set-service $WEB --scheduler maglev --table-size 1000
	refused 1 "wrr has no table" set-service $WEB --table-size 1021
	refused 1 "no udp service" set-service $WEB --udp stateless
	refused 1 "maglev or sh is needed" set-service $DNS --udp stateless
	refused 1 "dsr, ipip or gue is needed" set-service $DNS --udp stateless --scheduler sh
	config set-service $DNS --udp stateless --scheduler sh --forward dsr
	refused 1 "maglev or sh is needed" set-service $DNS --scheduler p2c
	refused 1 "affinity none" set-service $DNS --affinity client
	refused 1 $FLAT.99:80/tcp set-service $FLAT.99:80/tcp --scheduler rr
}

test_set_state() {
	local state
	small
	for state in down backup drain up; do
		config set-state $WEB $FLAT.12 $state
		equal "$state" "$state up" "$(config -j list | jq -r '.[0].backends | "\(.[1].state) \(.[0].state)"')"
	done
	refused 1 asleep set-state $WEB $FLAT.12 asleep
	refused 1 $FLAT.13 set-state $WEB $FLAT.13 down
	refused 1 "only ADDR" set-state $WEB $FLAT.12,weight=2 down
}

test_seed() {
	local seed=0123456789abcdef0123456789abcdef first
	small
	first=$(config -j set | jq -r .seed)
	[[ $first =~ ^[0-9a-f]{32}$ ]] || fail "the first seed is '$first'"
	refused 1 "flush" set seed=$seed
	refused 1 "32 hexadecimal digits" set seed=${seed}0
	config set seed="$first" echo=off
	config flush
	config set seed=$seed
	equal "the seed" $seed "$(config set | sed -n 's/^seed=//p')"
	config set seed=random
	[ "$(config -j set | jq -r .seed)" != $seed ] || fail "random is what it was"
}

# talk SECONDS ADDRESS: a connection from the client that says something each second, then ends.
talk() {
	start client bash -c 'exec 3<>"/dev/tcp/$2/8000"; for ((i = 0; i < $1; i++)); do printf "GET "; sleep 1; done >&3' - "$1" "$2"
}

test_flows_listed() {
	local service=$FLAT.10:8000/tcp six="[fd71::10]:8000/tcp" got
	flat 2
	config set-backends $service --affinity client/24,60 $FLAT.11
	config set-backends $six --forward nat fd71::11
	config set-backends $FLAT.10:5300/udp --forward dnat $FLAT.12
	udp_start backend2 backend2 5300
	equal "none" '[]' "$(config -j flows | jq -c .)"
	talk 20 $FLAT.10
	http_get client "http://[fd71::10]:8000/" >/dev/null
	udp_ask client -t 1 $FLAT.10 5300 x >/dev/null || true # the reply goes another way
	eventually listed_as established
	got=$(config -j flows | jq -r '.[] | select(.service == "'$service'") | "\(.client) \(.backend) \(.state) \(.forward)"' | sort)
	equal "of the service" "$FLAT.0/24 $FLAT.11:8000 sticky null
$FLAT.2 $FLAT.11:8000 established nat" "$got"
	got=$(config -j flows | jq -r '.[] | select(.service == "'$six'") | "\(.client) \(.backend) \(.state)"')
	equal "of IPv6" "fd71::2 [fd71::11]:8000 closed" "$got"
	equal "of one service" 2 "$(config -j flows $service | jq length)"
	equal "of one backend" 1 "$(config -j flows $FLAT.10:5300/udp $FLAT.12 | jq length)"
	equal "UDP" "udp_new dnat" "$(config -j flows $FLAT.10:5300/udp $FLAT.12 | jq -r '.[] | "\(.state) \(.forward)"')"
	equal "in text, with a head" 3 "$(config flows $service | wc -l)"
	equal "the port is a client's" true "$(config -j flows $six | jq '.[0].client_port > 1023 and .[0].idle < 10')"
	refused 1 $FLAT.13 flows $service $FLAT.13
	config del-service $service
	eventually nothing_of $service
}

listed_as() {
	config -j flows | jq -e --arg state "$1" 'any(.[]; .state == $state)' >/dev/null
}

nothing_of() {
	config -j flows | jq -e --arg service "$1" 'all(.[]; .service != $service)' >/dev/null
}

# A removed backend's flows can still be asked for.
test_flows_of_removed() {
	local service=$FLAT.10:8000/tcp
	flat 2
	config set-backends $service $FLAT.11
	talk 20 $FLAT.10
	eventually listed_as established
	config set-backends $service $FLAT.12
	equal "its flow" "$FLAT.11:8000" "$(config -j flows $service $FLAT.11 | jq -r '.[].backend')"
}

established_are() {
	[ "$(config -j flows | jq 'map(select(.state == "established")) | length')" = "$1" ]
}

test_drain_waits() {
	local service=$FLAT.10:8000/tcp process talking=()
	flat 2
	config set-backends $service $FLAT.11 $FLAT.12
	for _ in 1 2; do
		talk 100 $FLAT.10
		talking+=("$STARTED")
	done
	eventually established_are 2
	background drain config drain $service $FLAT.11 --wait 60
	eventually grep -qx "1 flow left" "$NET_DIR/drain.out"
	for process in "${talking[@]}"; do stop "$process"; done
	joined drain
	equal "what it showed" "1 flow left 0 flows left" "$(xargs <"$NET_DIR/drain.out")"
	equal "its state" drain "$(config -j list | jq -r '.[0].backends[0].state')"
	equal "who answers" backend2 "$(http_get client "http://$FLAT.10:8000/")"
	equal "at once the second time" "0 flows left" "$(config drain $service $FLAT.11 --wait)"
}

test_drain_gives_up() {
	local service=$FLAT.10:8000/tcp status=0
	flat 1
	config set-backends $service $FLAT.11
	talk 30 $FLAT.10
	eventually listed_as established
	config drain $service $FLAT.11 --wait 2 >"$NET_DIR/out" 2>"$NET_DIR/err" || status=$?
	equal "status" 1 $status
	grep -qF "1 flow left after 2 s" "$NET_DIR/err" || fail "it says $(cat "$NET_DIR/err")"
	equal "lines" 1 "$(wc -l <"$NET_DIR/err")"
	equal "its state" drain "$(config -j list | jq -r '.[0].backends[0].state')"
	refused 2 3 drain $service $FLAT.11 3
	refused 1 "wait x" drain $service $FLAT.11 --wait x
	refused 1 $FLAT.13 drain $service $FLAT.13
}

# What it waits for may be deleted meanwhile: nobody is held up, and it ends.
test_drain_gone() {
	local service=$FLAT.10:8000/tcp
	flat 2
	config set-backends $service $FLAT.11
	talk 100 $FLAT.10
	eventually listed_as established
	background drain config drain $service $FLAT.11 --wait
	eventually grep -qx "1 flow left" "$NET_DIR/drain.out"
	timeout 30 nsenter --net=/run/netns/${NET_PREFIX}balancer "$XDPLB_CONFIG" set-backends $service $FLAT.12
	joined drain
	equal "what it showed" "1 flow left the backend is gone" "$(xargs <"$NET_DIR/drain.out")"
}

# Nothing remembers maglev's flows of dsr: they show themselves in the window.
test_drain_unremembered() {
	local service=$FLAT.100:8000/tcp got i
	flat 2
	ip -n ${NET_PREFIX}balancer address add $FLAT.100/32 dev eth0
	for i in 1 2; do
		ns_sysctl backend$i ipv4/conf/all/arp_ignore 1
		ns_sysctl backend$i ipv4/conf/all/arp_announce 2
		ip -n ${NET_PREFIX}backend$i address add $FLAT.100/32 dev lo
	done
	config set-backends $service --scheduler maglev --forward dsr --window 4 $FLAT.11
	talk 7 $FLAT.100
	sleep 1
	equal "nothing is remembered" 0 "$(config -j flows | jq length)"
	config add-backend $service $FLAT.12
	got=$(config drain $service $FLAT.11 --wait)
	[[ $got == *"unremembered"* ]] || fail "it says nothing of the window: $got"
	[[ $got == *"1 flow left"*"0 flows left" ]] || fail "it showed: $got"
}
