# shellcheck shell=bash disable=SC2046,SC2086,SC2154 # addresses hold no blanks
# What doctor finds of tables that changes and new flows need room in: when nine in ten places are taken.

# numbered COUNT FORMAT: so many words, numbered from 1 on.
numbered() {
	seq -f "$2" 1 "$1"
}

# full NAME REMEDY COMMAND...: that is found, and no more when what the remedy means is typed.
full() {
	finds "$1"
	equal remedy "$2" "$(found_as "$1" remedy)"
	config "${@:3}"
	finds
}

test_doctor_services_nearly_full() {
	topo_flat 1
	config load eth0
	{
		echo "services:"
		numbered 14745 "- {service: '$FLAT.10:%.0f', forward: dnat, backends: [$FLAT.11]}"
	} >"$NET_DIR/many.yaml"
	config apply "$NET_DIR/many.yaml"
	full services_nearly_full "xdplb-config del-service SERVICE" del-service $FLAT.10:1
}

test_doctor_backends_nearly_full() {
	local i
	topo_flat 1
	config load eth0
	{
		echo "services:"
		for i in {1..8}; do
			echo "- {service: '$FLAT.10:$i', forward: dnat, backends: ["
			seq -f "'$FLAT.11:%.0f'," $((i * 4000)) $((i * 4000 + 3686))
			echo "]}"
		done
	} >"$NET_DIR/many.yaml"
	config apply "$NET_DIR/many.yaml"
	full backends_nearly_full "xdplb-config del-backend $FLAT.10:1/tcp BACKEND" del-service $FLAT.10:2
}

test_doctor_pools_nearly_full() {
	topo_flat 1
	in_ns balancer ip address add $FLAT.110/24 dev eth0
	config load eth0
	config set-backends $FLAT.10:1 --snat $FLAT.10 --snat $FLAT.110 $(numbered 3685 "$FLAT.11:%.0f")
	finds
	config add-backend $FLAT.10:1 $FLAT.11:4000
	finds pools_nearly_full
	type_remedy pools_nearly_full "xdplb-config set-service $FLAT.10:1/tcp --snat $FLAT.10"
	finds
	config set-backends $FLAT.10:2 $(numbered 3686 "$FLAT.11:1%04.0f")
	full pools_nearly_full "xdplb-config del-backend $FLAT.10:1/tcp BACKEND" del-backend $FLAT.10:1 $FLAT.11:1
}

# A flow to each of many backends: each takes 64 ports at once, of which it needs one.
test_doctor_blocks_nearly_full() {
	topo_flat 1
	config load --flows 16384 eth0
	config set-backends $FLAT.10:7000/udp --scheduler rr $(numbered 4000 "$FLAT.11:%.0f")
	sends 20000 3900
	finds
	sends 30000 50
	cd "$NET_DIR" || fail "no $NET_DIR"
	finds blocks_nearly_full
	type_remedy blocks_nearly_full "xdplb-config save >FILE && xdplb-config unload eth0 && xdplb-config load --flows 294784 eth0 && xdplb-config apply FILE"
	finds
}

# sends PORT COUNT: that many flows of one datagram each, from that port on.
sends() {
	in_ns client "$NET_PYTHON" -c '
import socket, sys
for port in range(int(sys.argv[2])):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flow:
        flow.bind(("", int(sys.argv[3]) + port))
        flow.sendto(b"x", (sys.argv[1], 7000))
' $FLAT.10 "$2" "$1"
}

test_doctor_directory_nearly_full() {
	topo_flat 1
	config load eth0
	config set-backends $FLAT.10:1 $FLAT.11
	config set-backends $FLAT.10:2 $FLAT.11
	in_ns balancer "$NET_PYTHON" "$HERE/fill.py" $PINS/xdplb_dir 58977
	finds
	in_ns balancer "$NET_PYTHON" "$HERE/fill.py" $PINS/xdplb_dir 1
	full directory_nearly_full "xdplb-config del-service SERVICE" del-service $FLAT.10:2
}

test_doctor_registrations_nearly_full() {
	topo_flat 0
	config load eth0 lo
	{
		echo "services:"
		numbered 115 "- {service: '$FLAT.10:%.0f', forward: local, registration: kernel}"
	} >"$NET_DIR/many.yaml"
	config apply "$NET_DIR/many.yaml"
	equal remedy "xdplb-config set-service SERVICE --registration off" "$(found_as registrations_nearly_full remedy)"
	config set-service $FLAT.10:1 --registration off
	not_found registrations_nearly_full
}

test_doctor_listeners_nearly_full() {
	local port
	topo_flat 0
	config load eth0 lo
	config set-backends $FLAT.10:7000/udp --forward local --registration kernel
	for port in {1001..1230}; do
		config register $FLAT.10:7000/udp --port $port --weight 2 --ttl 600
	done
	not_found listeners_nearly_full
	config register $FLAT.10:7000/udp --port 1231 --ttl 600
	equal text "$FLAT.10:7000/udp: 231 of 256 listeners have registered themselves, so new ones may be refused (registration_full)" \
		"$(found_as listeners_nearly_full text)"
	type_remedy listeners_nearly_full "xdplb-config register --goodbye $FLAT.10:7000/udp --port 1231"
	not_found listeners_nearly_full
}
