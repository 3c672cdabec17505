# shellcheck shell=bash disable=SC2086,SC2154 # addresses hold no blanks
# Completion of command lines, as installed: the tab key in bash and zsh.

# completed SHELL: a balancer, and a file for the shell to read, after which the command prints its arguments.
completed() {
	small
	config set-backends [fd71::10]:80 fd71::11
	make -s -C "$TOP" install PREFIX="$NET_DIR/usr" >/dev/null
	{
		echo "PATH=$TOP/loader:\$PATH"
		"read_by_$1"
		echo 'xdplb-config() { printf "<%s>" "$@"; echo; } >>'"$NET_DIR/typed"
	} >"$NET_DIR/init"
}

read_by_bash() {
	echo ". $NET_DIR/usr/share/bash-completion/completions/xdplb-config"
}

read_by_zsh() {
	echo "fpath=($NET_DIR/usr/share/zsh/site-functions \$fpath)"
	echo "autoload -U compinit && compinit -u -D"
}

# tab ARGUMENTS EXPECTED: what the command gets when the arguments are typed, \t for the key.
tab() {
	rm -f "$NET_DIR/typed"
	printf 'xdplb-config %b' "$1" | in_ns balancer "$NET_PYTHON" "$HERE/tab.py" "$NET_DIR/init" "${SHELL_UNDER_TEST[@]}"
	equal "$1" "$2" "$(cat "$NET_DIR/typed")"
}

tabs() {
	tab 'del-ser\t10\t' "<del-service><$WEB>"
	tab "set-weight 10\t$FLAT.11\t5" "<set-weight><$WEB><$FLAT.11:8080><5>"
	tab "set-state $WEB $FLAT.12\tdr\t" "<set-state><$WEB><$FLAT.12:80><drain>"
	tab "list $BRACKET\t" '<list><[fd71::10]:80/tcp>'
	tab "del-backend $BRACKET\t\t" '<del-backend><[fd71::10]:80/tcp><[fd71::11]:80>'
	tab 'unload et\t' '<unload><eth0>'
	tab '-d et\tstats --j\t' '<-d><eth0><stats><--json>'
	tab 'set-service --sched\twl\t' '<set-service><--scheduler><wlc>'
	tab 'set-service --scheduler=wl\t' '<set-service><--scheduler=wlc>'
	tab 'set ec\tn' '<set><echo=on>'
	tab "set-service --registration-key $NET_DIR/ini\t" "<set-service><--registration-key><$NET_DIR/init>"
}

test_completion_bash() {
	SHELL_UNDER_TEST=(bash --norc --noprofile -i) BRACKET='['
	completed bash
	tabs
}

test_completion_zsh() {
	needs zsh
	# Without the backslash it begins a pattern, and must not be typed so anyway.
	SHELL_UNDER_TEST=(zsh -f -i) BRACKET='\\['
	completed zsh
	tabs
}

# candidates EXPECTED WORD...: the last one is to be completed.
candidates() {
	equal "${*:2}" "$1" "$(PATH=$TOP/loader:$PATH in_ns balancer "$TOP/packaging/completion/complete" "${@:2}" | sort | xargs)"
}

# Nothing is offered, and nothing said, where no balancer is or what stands there is for the user to think up.
test_completion_words() {
	topo_flat 0
	candidates "" list ""
	config load eth0
	config set-backends $WEB $FLAT.11 $FLAT.12:81
	config set-backends $FLAT.10:82/udp --forward local :83
	candidates "$WEB $FLAT.10:82/udp" list ""
	candidates "$FLAT.11:80 $FLAT.12:81" del-backend $WEB $FLAT.11:80 ""
	candidates "$FLAT.10:83" flows $FLAT.10:82/udp ""
	candidates "" add-backend $WEB ""
	candidates "" list $WEB ""
	candidates "" set-weight $WEB $FLAT.11:80 ""
	candidates "" set-weight -d nosuch ""
	candidates "$WEB $FLAT.10:82/udp" -p $PINS list ""
	candidates "eth0 lo" load -m native eth0 ""
	candidates "native skb unspecified" load -m ""
	candidates "" load -m native --flows ""
	candidates "" nosuch ""
	candidates "--dev --dry-run --help --json --pins --pretty" apply FILE --
	config del-backend $FLAT.10:82/udp $FLAT.10:83
	# Every command of --help, and help.
	candidates "$(config --help | awk '/^  [a-z]/ { print $1 } END { print "help" }' | sort | xargs)" ""
}
