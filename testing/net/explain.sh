# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# What explain tells of a packet, against what becomes of a real one; and that it leaves no trace.

# explained QUERY ARGUMENT...: what jq finds in the JSON.
explained() {
	config -j explain "${@:2}" | jq -r "$1"
}

# tells TEXT ARGUMENT...: the text has this.
tells() {
	config explain "${@:2}" >"$NET_DIR/told"
	grep -qF -e "$1" "$NET_DIR/told" || fail "explain ${*:2} does not say '$1': $(cat "$NET_DIR/told")"
}

test_explain_text() {
	between 4 2
	method nat $ARMED.11 $ARMED.12
	equal "the lines" "packet service flow backend method next before after verdict" \
		"$(config explain $HOST:8000 | cut -d ' ' -f 1 | xargs)"
	tells "eth0, TCP 203.0.113.7:40000 -> $HOST:8000, SYN, 54 bytes" $HOST:8000
	tells "$HOST:8000/tcp  wrr  nat" $HOST:8000
	tells "this packet begins one" $HOST:8000
	tells "$ARMED.11:8000 (weight 1, up), whose turn it is" $HOST:8000
	tells "redirect to eth1" $HOST:8000
	tells "UDP 10.72.0.2:99 -> $HOST:5300, 42 bytes" --src 10.72.0.2:99 $HOST:5300/udp
}
