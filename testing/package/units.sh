# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-only
# How the units behave, in a machine whose systemd `boot` starts over this root.

CONFIG=/etc/xdplb/xdplb.yaml
MACHINE=
BOOT=

# ---- the machine --------------------------------------------------------------------------

# inside COMMAND...
inside() {
	timeout 60 nsenter -t "$MACHINE" --all --root --wd "$@" </dev/null
}

machine_answers() {
	local try
	for try in {1..600}; do
		[[ $(inside systemctl is-system-running 2>/dev/null) =~ ^(starting|running|degraded)$ ]] && return
		sleep 0.1
	done
	wrong "systemd does not answer after $try tries"
}

machine_start() {
	exec 7< <(exec "$HERE/boot" 2>&1)
	BOOT=$!
	read -r -t 120 -u 7 MACHINE
	[ -e "/proc/$MACHINE/ns/pid" ] || wrong "${MACHINE:-boot said nothing}" || return
	machine_answers
}

# Waits until its last process is gone.
machine_off() {
	inside systemctl poweroff --no-wall
	timeout 120 tail --pid="$BOOT" -f /dev/null || wrong "it does not go off"
}

# Whatever state it is in.
machine_end() {
	[ -n "$BOOT" ] || return 0
	kill "$BOOT" 2>/dev/null
	timeout 60 tail --pid="$BOOT" -f /dev/null
	exec 7<&-
	BOOT=
}

# interface NAME ADDRESS: and its other end, which has everything else.
interface() {
	inside ip link add "$1" type veth peer name "peer-$1"
	inside ip link set "peer-$1" up
	inside ip address add "$2" dev "$1"
	inside ip link set "$1" up
}

# ---- asserting ------------------------------------------------------------------------------

# on INTERFACE...: the program is on just these.
on() {
	local got
	got=$(inside xdplb-config status 2>/dev/null | sed -n 's/^    \([^ ]*\) *xdplb.*, \(native\|skb\),.*/\1/p' | sort | xargs)
	[ "$got" = "$*" ] || wrong "the program is on '$got', not '$*'"
}

# becomes STATE UNIT: sooner or later.
becomes() {
	local try state
	for try in {1..600}; do
		state=$(inside systemctl is-active "$2")
		[ "$state" != "$1" ] || return 0
		sleep 0.1
	done
	inside systemctl status --no-pager "$2"
	wrong "$2 is $state after $try tries, not $1"
}

services() {
	inside xdplb-config list 2>/dev/null | grep -v '^ ' | awk '{ print $1 }' | sort | xargs
}

has_services() {
	[ "$(services)" = "$*" ] || wrong "services are '$(services)', not '$*'"
}

start() {
	inside systemctl start "$1" || {
		inside journalctl --no-pager -o cat -u "$1"
		wrong "$1 does not start: $(inside journalctl --no-pager -o cat -t xdplb | tail -n 1)"
	}
}

# ---- the cases --------------------------------------------------------------------------------

starts() {
	inside systemctl enable -q xdplb@eth0 && start xdplb@eth0 && on eth0
}

# The sandbox lets it write what it must.
may_write() {
	[ "$(inside cat /proc/sys/net/ipv4/conf/lo/forwarding)" = 1 ] || wrong "lo does not forward"
	[ -z "$(inside journalctl --no-pager -o cat -t xdplb)" ] || wrong "$(inside journalctl -o cat -t xdplb)"
}

# Each method that needs the kernel's help otherwise, under the unit's restrictions.
does_what_apply_does() {
	local unit=/run/systemd/system/xdplb@eth0.service.d
	cat >"$SCRATCH/services" <<-'SERVICES'
		set -e
		xdplb-config set-backends 198.51.100.1:80 10.9.0.2,mac=02:00:00:00:00:01 10.9.0.3,mac=02:00:00:00:00:03
		xdplb-config set-backends [2001:db8::1]:80 fd09::2,mac=02:00:00:00:00:02
		xdplb-config set-backends 198.51.100.2:80 --forward dnat --scheduler maglev 10.9.0.2,mac=02:00:00:00:00:01
		xdplb-config set-backends 10.9.0.1:81/udp --forward local --registration kernel :82
		xdplb-config set gue-port=6081
	SERVICES
	inside mkdir -p "$unit"
	printf '%s\n' '[Service]' "ExecStartPost=/bin/sh $SCRATCH/services" | inside_writes "$unit/test.conf"
	inside systemctl daemon-reload
	inside systemctl restart xdplb@eth0 || wrong "$(inside journalctl --no-pager -o cat -t xdplb)" || return
	inside rm -r "$unit"
	inside systemctl daemon-reload
	has_services '10.9.0.1:81/udp 198.51.100.1:80/tcp 198.51.100.2:80/tcp [2001:db8::1]:80/tcp'
}

# inside_writes FILE: standard input goes there, in the machine's /run.
inside_writes() {
	nsenter -t "$MACHINE" --all --root --wd tee "$1" >/dev/null
}

shares() {
	interface eth1 10.10.0.1/24
	echo 'LOAD_OPTIONS=-m skb' >/etc/xdplb/eth1.conf
	start xdplb@eth1 && on eth0 eth1 || return
	[ "$(inside xdplb-config status | grep -c '^balancer')" = 1 ] || wrong "there are two balancers" || return
	inside xdplb-config status | grep -q 'eth1 .*skb' || wrong "eth1.conf is not read"
}

stops_alone() {
	inside systemctl stop xdplb@eth1 && on eth0 && [ -n "$(services)" ] || wrong "the services are gone"
}

takes_lo() {
	start xdplb@lo && on eth0 lo && inside systemctl stop xdplb@lo && on eth0
}

# An interface with a dash has another name in systemd.
takes_dash() {
	interface br-lan 10.11.0.1/24
	start "$(systemd-escape --template=xdplb@.service br-lan)" && on br-lan eth0 || return
	inside systemctl stop "$(systemd-escape --template=xdplb@.service br-lan)" && on eth0
}

goes_and_comes() {
	inside ip link del eth0
	becomes inactive xdplb@eth0 || return
	interface eth0 10.9.0.1/24
	becomes active xdplb@eth0 && on eth0 && [ -n "$(services)" ] || wrong "the services are gone"
}

# A file that cannot be applied: a unit that failed, and the reason; the program is there and passes.
fails_visibly() {
	inside systemctl stop xdplb@eth0
	on || return
	echo 'services: [' >$CONFIG
	! inside systemctl start xdplb@eth0 2>/dev/null || wrong "it starts" || return
	becomes failed xdplb@eth0 && on eth0 && has_services || return
	inside systemctl status --no-pager xdplb@eth0 | grep -q 'xdplb-config: ' || wrong "status does not say why" || return
	rm $CONFIG
	start xdplb@eth0 && on eth0
}

reload_says_why() {
	! inside systemctl reload xdplb@eth0 2>/dev/null || wrong "it reloads without a file" || return
	becomes active xdplb@eth0
}

saves_and_reloads() {
	local unit=xdplb@eth0
	inside xdplb-config set-backends 198.51.100.1:80 10.9.0.2 &&
		inside xdplb-config set-backends 198.51.100.2:80 --forward local :81 &&
		inside xdplb-config save >$CONFIG || return
	inside xdplb-config flush
	inside systemctl reload $unit || wrong "$(inside journalctl --no-pager -o cat -t xdplb | tail -n 1)" || return
	has_services '198.51.100.1:80/tcp 198.51.100.2:80/tcp'
}

# said PATTERN...: in the daemon's log, a line with all of them.
said() {
	local try lines pattern
	for try in {1..600}; do
		lines=$(inside journalctl --no-pager -o cat -u xdplbd)
		for pattern; do lines=$(grep -e "$pattern" <<<"$lines"); done
		[ -z "$lines" ] || return 0
		sleep 0.1
	done
	inside journalctl --no-pager -o cat -u xdplbd
	wrong "after $try tries xdplbd has not said $*"
}

# Under its restrictions it applies the file, checks by every means, and changes a state; a reload with nonsense changes
# nothing, and a kill is gone on from.
daemon_runs() {
	cp $CONFIG $CONFIG.kept
	cat >$CONFIG <<-'FILE'
		services:
		- service: 198.51.100.1:80
		  min-up: 0
		  check: {type: tcp, interval: 0.2, timeout: 0.2}
		  backends: ["10.9.0.2,mac=02:00:00:00:00:01"]
		- service: 198.51.100.2:80
		  min-up: 0
		  check: {type: command, command: 'test -e /etc/xdplb/xdplb.yaml', interval: 0.2, timeout: 10, fall: 1}
		  backends: [{backend: 10.9.0.2, mac: '02:00:00:00:00:01', check: {type: http}}, "10.9.0.3,mac=02:00:00:00:00:03"]
	FILE
	start xdplbd && said event=applied services=2 || return
	said event=state service=198.51.100.1:80/tcp to=down && said event=state service=198.51.100.2:80/tcp backend=10.9.0.2:80 to=down || return
	inside xdplb-config -j list | grep -q '"address": "10.9.0.3",[^}]*"state": "up"' || wrong "the command does not pass" || return
	echo nonsense: >>$CONFIG
	inside systemctl reload xdplbd && said event=reload-failed && becomes active xdplbd || return
	sed -i /nonsense/d $CONFIG
	inside systemctl kill -s KILL xdplbd && said event=goes-on && becomes active xdplbd || return
	inside systemctl restart xdplbd && said event=ends 'another one' && becomes active xdplbd || return
	inside systemctl stop xdplbd && said event=ends 'told to' && becomes inactive xdplbd || return
	has_services '198.51.100.1:80/tcp 198.51.100.2:80/tcp'
	mv $CONFIG.kept $CONFIG
}

# No maps survive that, and nobody types anything.
boots() {
	machine_off || return
	machine_start || return
	interface eth0 10.9.0.1/24
	becomes active xdplb@eth0 && on eth0
}

# The same version again takes the same way.
is_upgraded() {
	inside dpkg --install "$TOP"/build/xdplb_*.deb && on eth0 && becomes active xdplb@eth0
}

is_removed() {
	start xdplb@lo && on eth0 lo || return
	inside env DEBIAN_FRONTEND=noninteractive apt-get -qq -y remove xdplb || return
	inside ip -d link show | grep -q 'prog/xdp' && wrong "a program is left: $(inside ip -d link show | grep prog/xdp)" || return 0
}

units() {
	# Not udev's, of devices that are not its own.
	systemctl mask -q systemd-udev-trigger.service
	check "systemd starts" machine_start || return
	interface eth0 10.9.0.1/24
	inside ip address add fd09::1/64 dev eth0 nodad
	check "the unit starts" starts || return
	check "its restrictions let it write" may_write
	check "and do what apply does" does_what_apply_does
	check "two units share a balancer" shares
	check "one stops alone" stops_alone
	check "the unit of lo" takes_lo
	check "an interface with a dash" takes_dash
	check "an interface goes and comes" goes_and_comes
	check "reload without a file" reload_says_why
	check "a bad file" fails_visibly
	rm -f $CONFIG
	if xdplb-config apply --help >/dev/null 2>&1; then
		check "save, reload" saves_and_reloads
		check "the daemon" daemon_runs
	else
		echo "skip $NAME save, reload: xdplb-config has no apply yet"
	fi
	check "a boot" boots
	[ ! -e $CONFIG ] || check "the same services" has_services '198.51.100.1:80/tcp 198.51.100.2:80/tcp'
	check "an upgrade leaves them" is_upgraded
	check "removing stops them" is_removed
	machine_end
	systemctl unmask -q systemd-udev-trigger.service
	rm -rf $CONFIG /etc/xdplb/eth1.conf
}
